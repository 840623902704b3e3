"""Responders that are revoked sign no more and give no stored answer out; old keys are deleted."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from sqlalchemy import select
from sqlalchemy.orm import Session

from pki.authority import IssuedCertificate
from pki.authority.record import confirm_clock
from pki.bootstrap import Pki, open_pki
from pki.errors import ResponderEndedError, TokenUnavailableError
from pki.home import Home
from pki.status import RevocationReason
from pki.status.ocsp.credential import Credential
from pki.status.ocsp.preparing import Preparer
from pki.status.ocsp.renewal import period_of
from pki.status.ocsp.response import ResponseStatus
from pki.status.ocsp.retiring import retire_keys
from pki.store.models import AuditEntry, KeyRow

from .conftest import CITIZEN, Worker

Issue = Callable[..., IssuedCertificate]
FIRST = f"ocsp-{CITIZEN}"


def serial_of(credential: Credential) -> int:
    return x509.load_der_x509_certificate(credential.certificate).serial_number


def revoke(pki: Pki, credential: Credential) -> None:
    pki.authority.revoke(serial_of(credential), RevocationReason.KEY_COMPROMISE, "officer-1", "")


def signer_of(body: bytes) -> int:
    (certificate,) = ocsp.load_der_ocsp_response(body).certificates
    return certificate.serial_number


@pytest.mark.parametrize("held", [True, False], ids=["held", "revoked"])
def test_one_that_is_stopped_is_replaced_within_its_period(
    worker: Worker, issue: Issue, *, held: bool
) -> None:
    pki, serial = worker.pki, issue().serial
    stored = worker.store(serial)
    first = pki.ocsp.maker.sources[CITIZEN]()
    assert signer_of(stored.body) == serial_of(first)
    if held:
        pki.authority.suspend(serial_of(first), "officer-1", "")
    else:
        revoke(pki, first)
    assert worker.follow()  # its usual rhythm
    assert worker.find(serial) is None
    second = pki.ocsp.maker.sources[CITIZEN]()
    assert second.tag != first.tag
    assert pki.ocsp.maker.sources[CITIZEN].by_tag(first.tag) is None
    assert signer_of(pki.ocsp.answer(worker.request(serial)).body) == serial_of(second)
    assert signer_of(worker.store(serial).body) == serial_of(second)


def test_again_and_again(worker: Worker, home: Home, clock: Any) -> None:
    pki = worker.pki
    source = pki.ocsp.maker.sources[CITIZEN]
    seen = []
    for _ in range(4):
        seen.append(source())
        revoke(pki, seen[-1])
        assert source.check()
        assert not source.check()
    seen.append(source())
    assert len({credential.tag for credential in seen}) == 5
    restarted = open_pki(home, clock)
    try:
        assert restarted.ocsp.maker.sources[CITIZEN]().certificate == seen[-1].certificate
    finally:
        restarted.close()


def test_two_replicas_end_with_one_successor(worker: Worker, home: Home, clock: Any) -> None:
    other = open_pki(home, clock)
    try:
        sources = [each.ocsp.maker.sources[CITIZEN] for each in (worker.pki, other)]
        first = sources[0]()
        assert sources[1]().certificate == first.certificate
        revoke(worker.pki, first)
        assert all(source.check() for source in sources)
        assert sources[0]().certificate == sources[1]().certificate
    finally:
        other.close()


def test_what_was_signed_ahead_is_signed_anew(worker: Worker, issue: Issue) -> None:
    pki, serial = worker.pki, issue().serial
    preparer = Preparer(pki)
    list(preparer.prepare(CITIZEN))
    revoke(pki, pki.ocsp.maker.sources[CITIZEN]())
    assert sum(preparer.step(1.0) for _ in range(3)) >= 1
    worker.follow()
    found = worker.find(serial)
    assert found is not None
    assert signer_of(found.body) == serial_of(pki.ocsp.maker.sources[CITIZEN]())


def test_while_no_successor_can_be_made_the_revoked_one_does_not_answer(
    worker: Worker, issue: Issue, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pki, request = worker.pki, worker.request(issue().serial)
    source = pki.ocsp.maker.sources[CITIZEN]
    last = source()
    clock.advance(days=15)
    present = source()
    assert source.by_tag(last.tag) is last

    def fail(*_: object) -> None:
        raise TokenUnavailableError("token", "is gone")

    monkeypatch.setattr(pki.authority, "execute", fail)
    revoke(pki, present)
    assert source.check()
    one_before = source()  # that of the last half month, whose certificate is valid
    assert one_before.tag != present.tag
    assert pki.ocsp.answer(request).status is ResponseStatus.SUCCESSFUL
    revoke(pki, one_before)
    assert source.check()
    with pytest.raises(ResponderEndedError):
        source()
    assert pki.ocsp.answer(request).status is ResponseStatus.INTERNAL_ERROR


def responder_keys(pki: Pki) -> set[str]:
    rows = select(KeyRow.name).where(KeyRow.name.startswith(FIRST))
    with Session(pki.engine) as session:
        recorded = set(session.scalars(rows))
    assert {name for name in pki.keys.names() if name.startswith(FIRST)} <= recorded
    return {name for name in pki.keys.names() if name.startswith(FIRST)}


def test_keys_are_deleted_when_their_time_is_over(pki: Pki, clock: Any) -> None:
    source = pki.ocsp.maker.sources[CITIZEN]
    began = period_of(clock())
    for _ in range(4):
        source()
        retire_keys(pki.engine, pki.keys, pki.issuers, clock())
        clock.advance(days=15)
    retire_keys(pki.engine, pki.keys, pki.issuers, clock())
    now = period_of(clock())
    assert now == began + 4
    assert responder_keys(pki) == {f"{FIRST}-{now - 1}"}  # the last one's; the present one is not made yet
    source()
    assert responder_keys(pki) == {f"{FIRST}-{now - 1}", f"{FIRST}-{now}"}
    with Session(pki.engine) as session:
        query = select(AuditEntry.subject).where(AuditEntry.action == "key.destroyed")
        destroyed = [subject for subject in session.scalars(query) if subject.startswith(FIRST)]
        assert destroyed == [FIRST, f"{FIRST}-{began + 1}", f"{FIRST}-{began + 2}"]
        assert session.get(KeyRow, FIRST) is not None  # a CA's responders begin with it
    assert retire_keys(pki.engine, pki.keys, pki.issuers, clock()) == []


def test_a_revoked_responders_key_is_deleted_once_it_is_replaced(pki: Pki, clock: Any) -> None:
    source = pki.ocsp.maker.sources[CITIZEN]
    for _ in range(2):
        revoke(pki, source())
        source.check()
    retire_keys(pki.engine, pki.keys, pki.issuers, clock())
    newest = source()
    retire_keys(pki.engine, pki.keys, pki.issuers, clock())
    assert responder_keys(pki) == {f"{FIRST}-{period_of(clock())}-3"}
    assert not source.check()
    revoke(pki, newest)
    source.check()
    assert source().tag != newest.tag
    retire_keys(pki.engine, pki.keys, pki.issuers, clock())
    assert responder_keys(pki) == {f"{FIRST}-{period_of(clock())}-4"}


def test_keys_deleted_by_a_clock_that_was_ahead_are_made_anew(pki: Pki, home: Home, clock: Any) -> None:
    first = pki.ocsp.maker.sources[CITIZEN]()
    retire_keys(pki.engine, pki.keys, pki.issuers, clock().replace(year=2031))
    with Session(pki.engine) as session, session.begin():
        confirm_clock(session, clock(), "officer-1", "it was ahead")
    restarted = open_pki(home, clock)
    try:
        source = restarted.ocsp.maker.sources[CITIZEN]
        assert source().tag != first.tag
        assert not source.check()
    finally:
        restarted.close()


def test_no_other_key_is_touched(pki: Pki, clock: Any) -> None:
    others = {name for name in pki.keys.names() if not name.startswith("ocsp-")}
    retire_keys(pki.engine, pki.keys, pki.issuers, clock().replace(year=2031))
    assert set(pki.keys.names()) == others
