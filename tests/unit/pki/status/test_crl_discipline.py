"""When a CRL is made anew and when not; what happens without key, file or database; what is cleaned up."""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from pki.auditchain import verify_table
from pki.authority.issuers import Issuers
from pki.authority.record import confirm_clock
from pki.errors import IssuerOfflineError, KeyStoreError
from pki.hierarchy import partition_scope
from pki.keys.files import FileSigner
from pki.status import RevocationReason
from pki.status.crl import policy
from pki.status.crl.folder import CrlFolder
from pki.status.publication import RETRY_SECONDS, CrlPublisher
from pki.store.columns import serial_octets
from pki.store.models import AuditEntry
from tests.unit.pki.status.crlreader import read_crl
from tests.unit.pki.status.lab import ADDRESSES, NAME, Lab, open_lab
from tests.unit.pki.status.restoring import bring_back, copy_of

DELTA = f"{NAME}-delta"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with open_lab(tmp_path) as opened:
        yield opened


def revoke_one(lab: Lab) -> int:
    (serial,) = lab.add()
    lab.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    return serial


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """CRLs of more than two entries count as large."""
    monkeypatch.setattr(policy, "SMALL", 2)


@pytest.mark.usefixtures("large")
def test_a_large_list_waits_for_its_time_and_its_delta_tells_at_once(lab: Lab) -> None:
    for _ in range(3):
        revoke_one(lab)
    full = lab.crls.current(NAME)
    lab.clock.advance(minutes=2)
    serial = revoke_one(lab)
    assert lab.crls.current(NAME).number == full.number
    delta = read_crl(lab.crls.current(DELTA).read())
    assert list(delta.entries) == [serial]
    lab.clock.advance(hours=12)
    assert serial in read_crl(lab.crls.current(NAME).read()).entries


@pytest.mark.usefixtures("large")
def test_large_deltas_keep_a_minute_between_them(lab: Lab) -> None:
    lab.crls.current(NAME)
    for _ in range(3):
        revoke_one(lab)
    first = lab.crls.current(DELTA)
    serial = revoke_one(lab)
    lab.clock.advance(seconds=59)
    assert lab.crls.current(DELTA).number == first.number
    lab.clock.advance(seconds=1)
    assert serial in read_crl(lab.crls.current(DELTA).read()).entries


def test_many_small_editions_come_to_a_minute_between_them(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "BURST", 5)
    numbers = set()
    for _ in range(10):
        revoke_one(lab)
        numbers.add(lab.crls.current(NAME).number)
    assert len(numbers) == 5
    lab.clock.advance(seconds=60)
    assert lab.crls.current(NAME).number not in numbers


def test_each_edition_is_kept_for_auditors_and_recorded(lab: Lab) -> None:
    editions = []
    for _ in range(3):
        revoke_one(lab)
        editions.append(lab.crls.current(NAME))
    for edition, entries in zip(editions, (1, 2, 3), strict=True):
        assert len(read_crl(edition.read()).entries) == edition.entries == entries
        assert edition.path.stat().st_size == edition.size
    history = lab.crls.history([NAME], 10)
    assert history == editions[::-1]
    with Session(lab.engine) as session:
        verify_table(session, AuditEntry)


def test_ended_certificates_leave_after_a_regular_crl_not_an_extra_one(lab: Lab) -> None:
    """RFC 5280 §3.3: an edition that only a change called for is no regular one."""
    (serial,) = lab.add(life=timedelta(hours=1))
    lab.crls.current(NAME)
    lab.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    lab.clock.advance(hours=2)
    for _ in range(2):
        revoke_one(lab)
        assert serial in read_crl(lab.crls.current(NAME).read()).entries
    lab.clock.advance(hours=11)
    revoke_one(lab)
    assert serial in read_crl(lab.crls.current(NAME).read()).entries  # the time for a regular one has come
    revoke_one(lab)
    assert serial not in read_crl(lab.crls.current(NAME).read()).entries


def test_what_is_revoked_after_its_end_stands_once(lab: Lab) -> None:
    (serial,) = lab.add(life=timedelta(hours=1))
    lab.crls.current(NAME)
    lab.clock.advance(days=3)
    lab.crls.current(NAME)
    lab.authority.revoke(serial, RevocationReason.KEY_COMPROMISE, "tester", "")
    assert serial in read_crl(lab.crls.current(NAME).read()).entries
    lab.clock.advance(hours=13)
    assert serial in read_crl(lab.crls.current(NAME).read()).entries
    lab.clock.advance(hours=13)
    assert serial not in read_crl(lab.crls.current(NAME).read()).entries


def test_a_clock_that_was_ahead_drops_nothing(lab: Lab) -> None:
    (serial,) = lab.add(life=timedelta(days=2))
    lab.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    lab.clock.advance(days=3)
    lab.crls.current(NAME)
    lab.clock.advance(days=-2)
    with Session(lab.engine) as session, session.begin():
        confirm_clock(session, lab.clock(), "officer-1", "it was ahead")
    assert serial in read_crl(lab.crls.publish(NAME).read()).entries


def damage_by_change(path: Path) -> None:
    seen = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns + 1))


@pytest.mark.parametrize(
    "damage",
    [Path.unlink, damage_by_change, lambda path: path.write_bytes(path.read_bytes()[:-1])],
    ids=["missing", "changed", "cut off"],
)
@pytest.mark.parametrize("restarted", [False, True])
def test_a_damaged_file_is_noticed_and_replaced(
    lab: Lab, damage: Callable[[Path], object], *, restarted: bool
) -> None:
    serial = revoke_one(lab)
    first = lab.crls.current(NAME)
    damage(first.path)
    crls = publisher(lab) if restarted else lab.crls
    second = crls.current(NAME)
    assert second.number > first.number
    assert serial in read_crl(second.read()).entries


def publisher(lab: Lab, *, signer: FileSigner | None = None, online: bool = True) -> CrlPublisher:
    """A replica: the same database and folder."""
    ca = replace(lab.ca, key=(signer or lab.ca.key) if online else None)
    return CrlPublisher(lab.engine, Issuers([ca]), ADDRESSES, lab.folder, lab.clock)


def test_off_line_the_last_one_is_served_and_nothing_signed(lab: Lab) -> None:
    offline = publisher(lab, online=False)
    with pytest.raises(IssuerOfflineError):
        offline.current(NAME)
    published = lab.crls.current(NAME)
    revoke_one(lab)
    lab.clock.advance(days=2)
    assert offline.current(NAME) == published
    assert offline.publish_due() == []
    with pytest.raises(IssuerOfflineError):
        offline.publish(NAME)
    assert offline.signing == ()
    assert offline.overdue() == [NAME]
    assert lab.crls.current(NAME).number > published.number


class BrokenSigner(FileSigner):
    """A token that has gone away."""

    asked = 0

    def sign_digest(self, digest: bytes, algorithm: object) -> bytes:  # noqa: ARG002
        self.asked += 1
        raise KeyStoreError("token", "is gone")


def test_when_the_key_fails_the_last_one_is_served_on(lab: Lab) -> None:
    assert isinstance(lab.ca.key, FileSigner)
    broken = BrokenSigner(lab.ca.key._private_key)
    crls = publisher(lab, signer=broken)
    with pytest.raises(KeyStoreError):
        crls.current(NAME)
    published = lab.crls.current(NAME)
    revoke_one(lab)
    assert crls.current(NAME) == published
    with pytest.raises(KeyStoreError):
        crls.publish_due()
    assert list((lab.folder / "incoming").iterdir()) == []
    assert lab.crls.current(NAME).number > published.number + 1  # the failed numbers are spent


def test_questions_do_not_hammer_a_key_that_fails(lab: Lab) -> None:
    assert isinstance(lab.ca.key, FileSigner)
    broken = BrokenSigner(lab.ca.key._private_key)
    seconds = itertools.chain([0.0] * 40, itertools.repeat(RETRY_SECONDS))
    issuers = Issuers([replace(lab.ca, key=broken)])
    crls = CrlPublisher(lab.engine, issuers, ADDRESSES, lab.folder, lab.clock, lambda: next(seconds))
    published = lab.crls.current(NAME)
    revoke_one(lab)
    for _ in range(30):
        assert crls.current(NAME) == published
    assert broken.asked == 1
    for _ in range(30):
        crls.current(NAME)
    assert broken.asked == 2


def files(lab: Lab) -> set[Path]:
    return {path for path in lab.folder.rglob("*.crl") if path.is_file()}


def test_what_a_crash_left_is_cleaned_and_what_is_published_stays(lab: Lab) -> None:
    published = lab.crls.current(NAME)
    incoming = lab.folder / "incoming"
    (incoming / f"{NAME}.99.00ff.entries").write_bytes(b"half")
    (incoming / f"{NAME}.99.00ff.crl").write_bytes(b"whole, but not current")
    (published.path.parent / "99.crl").hardlink_to(incoming / f"{NAME}.99.00ff.crl")
    (incoming / f"{NAME}.{published.number}.aa.crl").hardlink_to(published.path)
    assert publisher(lab).clean() == 3
    assert list(incoming.iterdir()) == []
    assert files(lab) == {published.path}
    assert lab.crls.current(NAME) == published


def test_a_publication_under_way_is_not_cleaned(lab: Lab) -> None:
    lab.crls.current(NAME)
    leftover = lab.folder / "incoming" / f"{NAME}.99.00ff.entries"
    leftover.write_bytes(b"half")
    with publisher(lab)._locks.hold(NAME) as mine:
        assert mine
        assert lab.crls.clean() == 0
        assert leftover.exists()
    assert lab.crls.clean() == 1


def test_numbers_are_not_used_again_when_the_database_comes_back_from_an_older_copy(lab: Lab) -> None:
    lab.crls.publish(NAME)
    copy = copy_of(lab.engine, lab.folder.parent / "copy.sqlite3")
    lost = [lab.crls.publish(name).number for name in (NAME, DELTA, NAME, DELTA)]
    bring_back(lab.engine, copy)
    for name in (NAME, DELTA):
        crl = publisher(lab).publish(name)
        assert crl.number > max(lost)
        assert read_crl(crl.read()).number == crl.number
    assert len(files(lab)) == 7


@pytest.mark.parametrize("restarted", [False, True])
def test_an_edition_that_the_database_forgot_is_followed_by_a_newer_one(lab: Lab, *, restarted: bool) -> None:
    lab.crls.publish_due()
    lab.clock.advance(minutes=1)
    copy = copy_of(lab.engine, lab.folder.parent / "copy.sqlite3")
    revoke_one(lab)
    lost = {crl.name: crl.number for crl in lab.crls.publish_due()}
    assert set(lost) == {NAME, DELTA}
    assert lab.crls.publish_due(changes=False) == []
    bring_back(lab.engine, copy)
    crls = publisher(lab) if restarted else lab.crls
    made = {crl.name: crl.number for crl in crls.publish_due(changes=False)}
    assert made.keys() == lost.keys()
    assert all(made[name] > lost[name] for name in lost)
    assert crls.publish_due(changes=False) == []


def test_what_was_unchanged_in_a_forgotten_database_may_be_changed(tmp_path: Path) -> None:
    with open_lab(tmp_path, shards=2) as lab:
        serials = lab.add(40)
        (even, *_), (odd, other_odd, *_) = ([s for s in serials if s % 2 == shard] for shard in (0, 1))
        scope = partition_scope(NAME, 0)
        before = lab.crls.current(scope)
        copy = copy_of(lab.engine, lab.folder.parent / "copy.sqlite3")
        for serial in (odd, other_odd):
            lab.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
        assert lab.crls.current(scope) == before  # remembered: nothing changed up to version 2
        bring_back(lab.engine, copy)
        lab.authority.revoke(even, RevocationReason.SUPERSEDED, "tester", "")
        lab.authority.revoke(odd, RevocationReason.SUPERSEDED, "tester", "")
        assert even in read_crl(lab.crls.current(scope).read()).entries


def test_a_file_is_never_written_over(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    before = lab.crls.publish(NAME)
    with lab.engine.begin() as connection:
        connection.execute(text("DELETE FROM crls"))
        connection.execute(text("UPDATE crl_numbers SET number = number - 1"))
    with monkeypatch.context() as patch:
        patch.setattr(CrlFolder, "highest", lambda *_: 0)
        with pytest.raises(FileExistsError):
            lab.crls.publish(NAME)
    assert read_crl(before.read()).number == before.number
    assert lab.crls.publish(NAME).number > before.number


@pytest.mark.parametrize(
    "name", ["x.crl", "12.crl.part", "-3.crl", "99999999999999999999999.crl", "7", "٣.crl"]
)
def test_other_files_in_the_folder_count_for_nothing(lab: Lab, name: str) -> None:
    crl = lab.crls.publish(NAME)
    (crl.path.parent / name).write_bytes(b"")
    assert CrlFolder(lab.folder).highest(NAME) == crl.number


def test_replicas_share_what_one_of_them_made(lab: Lab) -> None:
    revoke_one(lab)
    others = [publisher(lab) for _ in range(3)]
    assert len({crls.current(NAME).number for crls in (lab.crls, *others)}) == 1


def test_while_another_publishes_the_schedule_does_nothing(lab: Lab) -> None:
    with publisher(lab)._locks.hold("schedule") as mine:
        assert mine
        assert lab.crls.publish_due() == []
    assert [crl.name for crl in lab.crls.publish_due()] == [NAME, DELTA]


@pytest.mark.usefixtures("large")
def test_readers_of_a_large_list_do_not_wait_for_the_next(lab: Lab) -> None:
    for _ in range(3):
        revoke_one(lab)
    published = lab.crls.current(NAME)
    lab.clock.advance(hours=13)
    with publisher(lab)._locks.hold(NAME) as mine:
        assert mine
        assert lab.crls.current(NAME) == published
    assert lab.crls.current(NAME).number > published.number


def test_on_schedule_changes_alone_call_for_nothing(lab: Lab) -> None:
    lab.crls.publish_due()
    lab.clock.advance(minutes=1)
    revoke_one(lab)
    assert lab.crls.publish_due(changes=False) == []
    assert {crl.name for crl in lab.crls.publish_due()} == {NAME, DELTA}
    lab.clock.advance(minutes=31)
    assert [crl.name for crl in lab.crls.publish_due(changes=False)] == [DELTA]


def test_the_schedule_does_not_ask_again_before_the_time(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.crls.publish_due()
    assert lab.crls.publish_due(changes=False) == []

    def refuse(*_: object) -> None:
        pytest.fail("the database was asked")

    with monkeypatch.context() as patch:
        patch.setattr(lab.crls, "_newest", refuse)
        lab.clock.advance(minutes=29)
        assert lab.crls.publish_due(changes=False) == []
    lab.clock.advance(minutes=2)
    assert [crl.name for crl in lab.crls.publish_due(changes=False)] == [DELTA]


def test_overdue_ones_are_told(lab: Lab) -> None:
    assert lab.crls.overdue() == [NAME]
    lab.crls.current(NAME)
    assert lab.crls.overdue() == []
    lab.clock.advance(days=1)
    assert lab.crls.overdue() == [NAME]


def test_a_scope_needs_no_folder_before(lab: Lab) -> None:
    assert not lab.folder.exists()
    assert lab.crls.current(NAME).path.is_relative_to(lab.folder)
    assert partition_scope(NAME, 1) not in {path.name for path in lab.folder.iterdir()}


def test_a_reason_that_somebody_else_wrote_makes_no_crl_and_no_crash_of_the_others(lab: Lab) -> None:
    """SQLite keeps any bytes as text; what its driver can't decode is SQLAlchemy's error, as all others."""
    serial = revoke_one(lab)
    before = lab.crls.current(NAME).number
    with lab.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE certificates SET reason = CAST(x'ff' AS TEXT), changed = changed+1 WHERE serial = :s"
            ),
            {"s": serial_octets(serial)},
        )
    lab.clock.advance(hours=13)
    with pytest.raises(SQLAlchemyError):
        lab.crls.publish_due()
    newest = lab.crls.published(NAME)
    assert newest is not None
    assert newest.number == before
