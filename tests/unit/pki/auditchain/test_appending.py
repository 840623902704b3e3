"""Appending: whole batches, in the caller's transaction, the same on both databases."""

import enum
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from pki.auditchain import AuditChainError, Event, Head, append, append_many, read, verify_table
from pki.auditchain.chain import EMPTY, link
from tests.unit.pki.auditchain.service import NOON, Entry, events, fill, tamper


class Action(enum.StrEnum):
    ISSUED = "card.issued"


def test_batches_make_the_chain_that_single_entries_make(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        for event in events(3):
            append(session, Entry, **event._asdict())
        end = append_many(session, Entry, events(4, first=4))
    with Session(engine) as session:
        assert verify_table(session, Entry) == end
    assert end == Head(7, list(link(EMPTY, events(7)))[-1].hash)


def test_rows_come_back_as_they_were_given(engine: Engine) -> None:
    fill(engine, 3)
    with Session(engine) as session:
        found = [
            Event(entry.time, entry.actor, entry.action, entry.subject, entry.details)
            for entry in read(session, Entry)
        ]
    assert found == events(3)


def test_no_events_change_nothing(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        assert append_many(session, Entry, []) == EMPTY
    fill(engine, 1)
    with Session(engine) as session, session.begin():
        assert append_many(session, Entry, []).sequence == 1


def test_a_batch_rolled_back_was_never_there(engine: Engine) -> None:
    fill(engine, 2)
    with Session(engine) as session:
        append_many(session, Entry, events(5))
        session.rollback()
    fill(engine, 1)
    with Session(engine) as session:
        assert verify_table(session, Entry).sequence == 3


def test_a_batch_ends_with_what_its_transaction_wrote_before(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        append_many(session, Entry, events(2))
        assert append_many(session, Entry, events(2)).sequence == 4
    with Session(engine) as session:
        assert verify_table(session, Entry).sequence == 4


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"time": datetime(2026, 1, 1)}, ValueError),  # noqa: DTZ001
        ({"details": {"share": 0.5}}, TypeError),
        ({"details": {1: "x"}}, TypeError),
        ({"actor": "a" * 129}, ValueError),
        ({"action": "a" * 129}, ValueError),
        ({"subject": "س" * 129}, ValueError),
        ({"subject": b"card"}, TypeError),
        ({"details": {"x": "\ud800"}}, ValueError),
    ],
    ids=["naive", "float", "key", "actor", "action", "subject", "bytes", "surrogate"],
)
def test_one_bad_event_refuses_the_whole_batch(
    sqlite_engine: Engine, change: dict[str, Any], error: type[Exception]
) -> None:
    batch = [*events(2), events(1)[0]._replace(**change), *events(2)]
    with Session(sqlite_engine) as session, session.begin():
        with pytest.raises(error):
            append_many(session, Entry, batch)
        assert session.scalars(select(Entry)).all() == []


def test_members_of_enumerations_are_their_text(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        append(
            session,
            Entry,
            time=NOON,
            actor="a",
            action=Action.ISSUED,
            subject="s",
            details={"a": Action.ISSUED},
        )
    with Session(engine) as session:
        entry = next(read(session, Entry))
        assert (entry.action, entry.details) == ("card.issued", {"a": "card.issued"})
        session.expunge_all()
        assert verify_table(session, Entry).sequence == 1


def test_the_zone_of_a_time_does_not_matter(engine: Engine) -> None:
    tehran = timezone(timedelta(hours=3, minutes=30))
    with Session(engine) as session, session.begin():
        append(session, Entry, time=NOON.astimezone(tehran), actor="a", action="b", subject="c")
    with Session(engine) as session:
        assert next(read(session, Entry)).time == NOON
        assert next(read(session, Entry)).time.tzinfo is UTC
        assert verify_table(session, Entry).sequence == 1


@pytest.mark.parametrize(
    "assignment",
    [
        "time = 'noon'",
        "time = 9223372036854775807",
        "details = 'no json'",
        "details = '{\"n\": 0.5}'",
        "details = x'00'",
        "details = '[' || hex(zeroblob(100000)) || ']'",
        "hash = 'text'",
        "previous_hash = x'00'",
        "actor = 5",
        "action = x'ff'",
    ],
)
def test_rows_that_no_writer_makes_are_named(sqlite_engine: Engine, assignment: str) -> None:
    fill(sqlite_engine, 3)
    tamper(sqlite_engine, f"UPDATE events SET {assignment} WHERE sequence = 2")  # noqa: S608
    with Session(sqlite_engine) as session, pytest.raises(AuditChainError) as caught:
        verify_table(session, Entry)
    assert caught.value.sequence == 2


def test_nothing_is_appended_to_an_unreadable_end(sqlite_engine: Engine) -> None:
    fill(sqlite_engine, 3)
    tamper(sqlite_engine, "UPDATE events SET hash = 'x' WHERE sequence = 3")
    with Session(sqlite_engine) as session, pytest.raises(AuditChainError):
        append_many(session, Entry, events(1))


def test_links_are_values() -> None:
    first, second = link(EMPTY, events(2))
    assert second.previous_hash == first.hash
    assert replace(EMPTY, sequence=1) == Head(1, "0" * 64)
