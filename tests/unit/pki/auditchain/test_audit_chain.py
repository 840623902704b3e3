"""The audit chain: whatever was changed, removed, added or moved is found and named."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, text, update
from sqlalchemy.orm import DeclarativeBase, Session

from pki.auditchain import AuditChainError, AuditEntryColumns, Head, append, verify, verify_table
from pki.auditchain.canonical import canonical_json
from pki.auditchain.chain import GENESIS_HASH, entry_hash
from pki.store.database import create_database_engine

NOON = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)


class Base(DeclarativeBase):
    pass


class Event(AuditEntryColumns, Base):
    __tablename__ = "events"


@dataclass(frozen=True)
class Entry:
    sequence: int
    time: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Any]
    previous_hash: str
    hash: str


def chain(count: int) -> list[Entry]:
    entries: list[Entry] = []
    previous = GENESIS_HASH
    for number in range(1, count + 1):
        time, subject = NOON + timedelta(seconds=number), f"application-{number}"
        details = {"نتیجه": "تأیید", "n": number}
        entries.append(rehashed(Entry(number, time, "clerk-1", "approve", subject, details, previous, "")))
        previous = entries[-1].hash
    return entries


def rehashed(entry: Entry) -> Entry:
    return replace(entry, hash=entry_hash(entry))


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_database_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def test_a_whole_chain_ends_at_its_last_hash() -> None:
    entries = chain(5)
    assert verify(entries) == Head(5, entries[-1].hash)
    assert verify([]) == Head(0, GENESIS_HASH)


def test_canonical_json_is_one_text() -> None:
    assert canonical_json({"ب": [1, True, None], "a": {"z": "x", "b": ""}}) == (
        '{"a":{"b":"","z":"x"},"ب":[1,true,null]}'.encode()
    )


@pytest.mark.parametrize("value", [1.5, b"x", {1: "x"}, {"a": [object()]}, float("nan")])
def test_values_without_a_canonical_text_are_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time", NOON),
        ("actor", "clerk-2"),
        ("action", "refuse"),
        ("subject", "application-9"),
        ("details", {"n": 4}),
        ("hash", "f" * 64),
    ],
)
def test_a_changed_field_is_named(field: str, value: Any) -> None:
    entries = chain(5)
    entries[2] = replace(entries[2], **{field: value})
    with pytest.raises(AuditChainError) as caught:
        verify(entries)
    assert caught.value.sequence == 3


def test_a_changed_entry_with_a_matching_hash_breaks_at_its_successor() -> None:
    entries = chain(5)
    entries[2] = rehashed(replace(entries[2], actor="nobody"))
    with pytest.raises(AuditChainError) as caught:
        verify(entries)
    assert caught.value.sequence == 4


@given(gone=st.integers(0, 7))
def test_a_removed_entry_is_named_unless_it_was_the_last(gone: int) -> None:
    entries = chain(8)
    head = verify(entries)
    del entries[gone]
    with pytest.raises(AuditChainError) as caught:
        verify(entries, expected=head)
    assert caught.value.sequence == gone + 1


@given(order=st.permutations(range(6)).filter(lambda order: order != list(range(6))))
def test_a_moved_entry_is_found(order: Sequence[int]) -> None:
    entries = chain(6)
    with pytest.raises(AuditChainError):
        verify([entries[index] for index in order])


def test_a_rewritten_chain_differs_from_the_noted_end() -> None:
    entries = chain(3)
    rewritten = [rehashed(replace(entries[0], actor="other"))]
    with pytest.raises(AuditChainError) as caught:
        verify(rewritten, expected=Head(1, entries[0].hash))
    assert caught.value.sequence == 1


def test_a_naive_time_is_refused(session: Session) -> None:
    with pytest.raises(ValueError, match="aware"):
        append(session, Event, time=datetime(2026, 1, 1), actor="a", action="b", subject="c")  # noqa: DTZ001


def fill(session: Session, count: int) -> None:
    for number in range(count):
        append(
            session,
            Event,
            time=NOON,
            actor="root",
            action="issue",
            subject=str(number),
            details={"n": number},
        )
    session.commit()
    session.expunge_all()


def test_a_table_keeps_a_chain_across_transactions(session: Session) -> None:
    fill(session, 3)
    fill(session, 2)
    assert verify_table(session, Event).sequence == 5


def test_nothing_is_appended_by_a_transaction_rolled_back(session: Session) -> None:
    fill(session, 2)
    append(session, Event, time=NOON, actor="root", action="issue", subject="x")
    session.rollback()
    assert verify_table(session, Event).sequence == 2


def test_tampering_with_the_table_is_named(session: Session) -> None:
    fill(session, 4)
    session.execute(update(Event).where(Event.sequence == 2).values(details={"n": 7}))
    with pytest.raises(AuditChainError) as caught:
        verify_table(session, Event)
    assert caught.value.sequence == 2


def test_a_row_deleted_from_the_table_is_named(session: Session) -> None:
    fill(session, 4)
    session.execute(delete(Event).where(Event.sequence == 2))
    with pytest.raises(AuditChainError) as caught:
        verify_table(session, Event)
    assert caught.value.sequence == 2


def test_rows_that_swapped_places_are_found(session: Session) -> None:
    fill(session, 4)
    for statement in (
        "UPDATE events SET sequence = 99 WHERE sequence = 2",
        "UPDATE events SET sequence = 2 WHERE sequence = 3",
        "UPDATE events SET sequence = 3 WHERE sequence = 99",
    ):
        session.execute(text(statement))
    with pytest.raises(AuditChainError) as caught:
        verify_table(session, Event)
    assert caught.value.sequence == 2
