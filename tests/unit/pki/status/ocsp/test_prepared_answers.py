"""Stored answers: the same as made ones, gone at once when they are outdated, never trusted blindly."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmdb
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import ocsp
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from pki.authority import IssuedCertificate
from pki.authority.record import confirm_clock
from pki.bootstrap import Pki
from pki.errors import StoredValueError
from pki.status import RevocationReason, feed
from pki.status.ocsp import keeping
from pki.status.ocsp.composing import ReadyAnswer
from pki.status.ocsp.policy import STORED_LIFE, UNCONFIRMED_SECONDS
from pki.status.ocsp.preparing import Preparer
from tests.unit.pki.status.restoring import bring_back, copy_of

from .conftest import CITIZEN, Worker

Issue = Callable[..., IssuedCertificate]
GOOD, REVOKED = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED


def read(answer: ReadyAnswer | None) -> ocsp.OCSPResponse:
    """The answer, whose signature is the responder's."""
    assert answer is not None
    response = ocsp.load_der_ocsp_response(answer.body)
    key = response.certificates[0].public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(SHA256()))
    return response


def break_the_feed(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("SELECT", {}, OSError("down"))

    for name in ("positions", "head", "knows"):
        monkeypatch.setattr(pki.feed, name, refuse)


@pytest.mark.parametrize("form", range(4), ids=["SHA-1 NULL", "SHA-1", "SHA-256 NULL", "SHA-256"])
def test_a_stored_answer_is_the_made_one(worker: Worker, issue: Issue, form: int) -> None:
    serial = issue().serial
    worker.follow()
    made = worker.pki.ocsp.answer(worker.request(serial, form))
    assert made.stored is not None
    worker.prepared.keep(made.stored)
    assert worker.find(serial, form) is None  # not before it is on disk
    worker.follow()
    found = worker.find(serial, form)
    assert found is not None
    assert found.body == made.body
    assert read(found).certificate_status is GOOD
    assert worker.find(serial, (form + 1) % 4) is None


def test_each_certificate_has_its_own(worker: Worker, issue: Issue) -> None:
    serials = [issue().serial for _ in range(3)]
    for serial in serials:
        assert read(worker.store(serial)).serial_number == serial
    assert [read(worker.find(serial)).serial_number for serial in serials] == serials
    assert len({worker.store(serial).etag for serial in serials}) == 3


def test_a_revocation_removes_the_good_answer_of_every_form(worker: Worker, issue: Issue) -> None:
    serial, other = issue().serial, issue().serial
    for form in range(4):
        worker.store(serial, form)
    worker.store(other)
    worker.pki.authority.revoke(serial, RevocationReason.KEY_COMPROMISE, "tester", "")
    assert worker.follow()
    assert [worker.find(serial, form) for form in range(4)] == [None] * 4
    assert read(worker.find(other)).certificate_status is GOOD
    assert read(worker.store(serial)).certificate_status is REVOKED


@pytest.mark.parametrize("change", ["suspend", "activate", "resume"])
def test_every_change_of_status_counts(worker: Worker, issue: Issue, change: str) -> None:
    authority = worker.pki.authority
    serial = issue(delivered=change != "activate").serial
    if change == "resume":
        authority.suspend(serial, "tester", "")
    worker.store(serial)
    getattr(authority, change)(serial, "tester", "")
    worker.follow()
    assert worker.find(serial) is None


def test_an_answer_made_before_a_change_and_stored_after_it_is_dropped(worker: Worker, issue: Issue) -> None:
    serial, other = issue().serial, issue().serial
    worker.follow()
    worker.make_and_keep(serial)  # good, in memory only
    worker.make_and_keep(other)
    worker.pki.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    worker.follow()
    assert worker.find(serial) is None
    assert read(worker.find(other)).certificate_status is GOOD
    second = Worker(worker.pki)
    second.follow()
    assert second.find(serial) is None


def test_another_process_removes_what_this_one_gives_out(worker: Worker, issue: Issue) -> None:
    serial = issue().serial
    worker.store(serial)
    worker.pki.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    other = Worker(worker.pki)
    assert other.follow()
    assert worker.find(serial) is None  # although this one has not followed yet


def test_when_very_much_changes_all_of_the_cas_answers_are_made_anew(
    worker: Worker, issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MAX_NAMED", 2)
    serials = [issue().serial for _ in range(4)]
    for serial in serials:
        worker.store(serial)
    for serial in serials[1:]:
        worker.pki.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    worker.make_and_keep(serials[0])
    other = Worker(worker.pki)
    other.follow()
    worker.follow()
    for process in (worker, other):
        assert [process.find(serial) for serial in serials[1:]] == [None] * 3
    assert read(worker.store(serials[1])).certificate_status is REVOKED
    assert read(worker.store(serials[0])).certificate_status is GOOD


def test_nothing_is_given_out_before_the_first_look(worker: Worker, issue: Issue) -> None:
    serial = issue().serial
    worker.store(serial)
    fresh = Worker(worker.pki)
    assert not fresh.prepared.is_confirmed
    assert fresh.find(serial) is None


def test_without_news_nothing_stored_is_given_out(
    worker: Worker, issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = issue().serial
    worker.store(serial)
    break_the_feed(worker.pki, monkeypatch)
    worker.seconds.now += UNCONFIRMED_SECONDS - 1
    assert not worker.follow()
    assert worker.find(serial) is not None  # within the published delay
    worker.seconds.now += 1
    assert worker.find(serial) is None
    monkeypatch.undo()
    assert worker.follow()
    assert worker.find(serial) is not None


def test_a_dead_follower_is_the_same_as_a_dead_database(worker: Worker, issue: Issue) -> None:
    serial = issue().serial
    worker.store(serial)
    worker.seconds.now += UNCONFIRMED_SECONDS + 1  # nobody called follow()
    assert worker.find(serial) is None


def test_a_database_from_a_copy_empties_the_store(worker: Worker, issue: Issue) -> None:
    serial = issue().serial
    worker.pki.authority.suspend(serial, "tester", "")
    worker.store(serial)
    with worker.pki.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE issuers SET status_version = 0")
    assert worker.follow()
    assert worker.pki.answers.count() == 0
    assert worker.find(serial) is None


def test_a_database_that_went_back_and_grew_again_empties_the_store(
    worker: Worker, issue: Issue, tmp_path: Path
) -> None:
    """Its versions are as high as before; only the audit chain tells that it is another one."""
    serial, other = issue().serial, issue().serial
    worker.pki.authority.suspend(serial, "tester", "")
    copy = copy_of(worker.pki.engine, tmp_path / "copy")
    worker.pki.authority.resume(serial, "tester", "")
    assert read(worker.store(serial)).certificate_status is GOOD
    positions = worker.pki.feed.positions()
    bring_back(worker.pki.engine, copy)
    worker.pki.authority.suspend(other, "tester", "")
    assert worker.pki.feed.positions() == positions
    assert worker.follow()
    assert worker.find(serial) is None
    assert worker.pki.answers.count() == 0
    assert read(worker.store(serial)).certificate_status is REVOKED


def test_what_was_issued_after_the_copy_is_not_good(worker: Worker, issue: Issue, tmp_path: Path) -> None:
    """An issue raises no status version."""
    copy = copy_of(worker.pki.engine, tmp_path / "copy")
    serial = issue().serial
    worker.store(serial)
    bring_back(worker.pki.engine, copy)
    for process in (worker, Worker(worker.pki)):
        process.follow()
        assert process.find(serial) is None


def test_what_waits_to_be_stored_is_looked_up_again(worker: Worker, issue: Issue, tmp_path: Path) -> None:
    """The database goes back between an answer and its storing, to a moment that the store knew."""
    serial = issue().serial
    worker.pki.authority.suspend(serial, "tester", "")
    worker.follow()
    copy = copy_of(worker.pki.engine, tmp_path / "copy")
    worker.pki.authority.resume(serial, "tester", "")
    lost = issue().serial
    for number in (serial, lost):
        worker.make_and_keep(number)
    bring_back(worker.pki.engine, copy)
    assert worker.follow()
    assert [worker.find(number) for number in (serial, lost)] == [None, None]
    assert worker.pki.answers.count() == 0


def test_answers_signed_ahead_of_a_database_that_went_back_are_not_kept(
    worker: Worker, issue: Issue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = issue().serial
    worker.pki.authority.suspend(serial, "tester", "")
    worker.follow()
    copy = copy_of(worker.pki.engine, tmp_path / "copy")
    worker.pki.authority.resume(serial, "tester", "")
    plain = worker.pki.ocsp.maker.stored

    def go_back(*arguments: Any) -> Any:
        made = plain(*arguments)
        bring_back(worker.pki.engine, copy)
        return made

    monkeypatch.setattr(worker.pki.ocsp.maker, "stored", go_back)
    list(Preparer(worker.pki).prepare(CITIZEN))
    monkeypatch.undo()
    worker.follow()
    assert worker.find(serial) is None


def test_a_store_that_does_not_say_what_it_depends_on_is_emptied(worker: Worker, issue: Issue) -> None:
    """One that an earlier version wrote."""
    serial = issue().serial
    worker.store(serial)
    with worker.pki.answers._begin(write=True) as transaction:
        transaction.drop(worker.pki.answers._heads, delete=False)
    worker.follow()
    assert worker.find(serial) is None


def test_answers_grow_old(worker: Worker, issue: Issue, clock: Any) -> None:
    serial = issue().serial
    answer = read(worker.store(serial))
    assert answer.next_update_utc is not None
    assert answer.next_update_utc - clock().replace(microsecond=0) == STORED_LIFE
    clock.advance(hours=3, minutes=49)
    worker.follow()
    assert worker.find(serial) is not None
    clock.advance(minutes=2)
    worker.follow()
    assert worker.find(serial) is None


def test_answers_from_the_future_are_not_given_out(worker: Worker, issue: Issue, clock: Any) -> None:
    serial = issue().serial
    worker.store(serial)
    clock.advance(seconds=-2)
    with Session(worker.pki.engine) as session, session.begin():
        confirm_clock(session, clock(), "officer-1", "it was ahead")
    worker.follow()
    assert worker.find(serial) is None


def test_the_last_responders_answers_stay_good_after_the_roll_over(
    worker: Worker, issue: Issue, clock: Any
) -> None:
    serial, other = issue().serial, issue().serial
    key = None
    for _ in range(400):
        worker.store(serial)
        clock.advance(hours=2)
        if key is None:
            key = worker.pki.ocsp.maker.sources[CITIZEN]().tag
        if worker.pki.ocsp.maker.sources[CITIZEN]().tag != key:
            break
    assert worker.follow()
    old = read(worker.find(serial))
    new = read(worker.store(other))
    assert old.responder_key_hash != new.responder_key_hash
    assert old.certificates[0].not_valid_after_utc > clock()


def test_never_issued_is_not_stored(worker: Worker, issue: Issue) -> None:
    serial = issue().serial + 1
    assert worker.pki.ocsp.answer(worker.request(serial)).stored is None


@pytest.mark.parametrize(
    "wrong", [lambda request: request[:-1], lambda request: request + b"\0", lambda _: b""]
)
def test_other_requests_are_not_recognised(
    worker: Worker, issue: Issue, wrong: Callable[[bytes], bytes]
) -> None:
    serial = issue().serial
    worker.store(serial)
    assert worker.ask(wrong(worker.request(serial))) is None


def test_a_serial_not_in_its_shortest_form_is_not_recognised(worker: Worker) -> None:
    request = worker.request((1 << 126) | 5)
    for first in (b"\x00\x01", b"\x80\x01", b"\xff\xff"):
        assert worker.pki.ocsp.forms.recognise(request[:-16] + first + bytes(14)) is None


def test_a_broken_store_costs_speed_and_nothing_else(
    worker: Worker, issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = issue().serial
    worker.store(serial)

    def refuse(*_: object) -> None:
        raise lmdb.CorruptedError("broken")

    monkeypatch.setattr(worker.pki.answers, "snapshot", refuse)
    assert worker.find(serial) is None
    monkeypatch.setattr(worker.pki.answers, "marks", refuse)
    assert not worker.follow()
    assert worker.pki.ocsp.answer(worker.request(serial)).stored is not None


def test_threads_share_the_store(worker: Worker, issue: Issue) -> None:
    serials = [issue().serial for _ in range(8)]
    worker.follow()
    found: list[bool] = []

    def work(serial: int) -> None:
        mine = Worker(worker.pki)
        found.append(read(mine.store(serial)).serial_number == serial)

    threads = [threading.Thread(target=work, args=(serial,)) for serial in serials]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * len(serials)


def test_the_store_opens_again_after_closing(worker: Worker, issue: Issue) -> None:
    serial = issue().serial
    worker.store(serial)
    worker.pki.answers.close()
    assert read(worker.find(serial)).certificate_status is GOOD


def test_a_ca_whose_row_somebody_else_wrote_stops_no_other(worker: Worker, issue: Issue) -> None:
    serial = issue().serial
    worker.follow()
    with worker.pki.engine.begin() as connection:
        connection.execute(text("UPDATE issuers SET status_version = 'odd' WHERE name = 'card-g1'"))
    assert "card-g1" not in worker.pki.feed.positions()
    with pytest.raises(StoredValueError):
        worker.pki.feed.check()
    answer = worker.pki.ocsp.answer(worker.request(serial))
    assert ocsp.load_der_ocsp_response(answer.body).certificate_status == GOOD
    worker.follow()


@pytest.mark.parametrize("odd", ["'text'", "600000000", "NULL"])
def test_an_odd_end_of_the_log_is_named_and_makes_nothing_of_it(worker: Worker, odd: str) -> None:
    """Of a number `bytes` would make as many zeros."""
    with worker.pki.engine.begin() as connection:
        connection.execute(text("CREATE TABLE log (sequence INTEGER, hash BLOB)"))
        connection.execute(text(f"INSERT INTO log VALUES (1, {odd})"))  # noqa: S608 - the test's own words
        row = connection.execute(text("SELECT hash FROM log")).scalar()
    with pytest.raises(StoredValueError):
        feed._octets(row)
