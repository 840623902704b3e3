"""The status service's real processes through what goes wrong around them: clocks, databases, keys."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.x509 import ocsp as x509_ocsp
from sqlalchemy.orm import Session

from pki.auditchain import Event
from pki.authority.record import confirm_clock, record_events
from pki.status import RevocationReason
from pki.status.ocsp.response import ResponseStatus, error_response
from tests.integration.pki.statusservice import CITIZEN, Service, answers, read, running_service, until
from tests.unit.pki.status.restoring import bring_back, copy_of

GOOD, REVOKED = x509_ocsp.OCSPCertStatus.GOOD, x509_ocsp.OCSPCertStatus.REVOKED
DELAY = 20


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path) as running:
        yield running


def common(service: Service, name: str) -> int:
    """A new certificate's serial, of the length by which stored answers are found."""
    serials = (service.certificate(f"{name}-{number}")[0] for number in range(99))
    return next(serial for serial in serials if serial >= 1 << 120)


def store(service: Service, serial: int) -> None:
    """Asks until the answer comes from the store."""
    before = service.stored_count()
    until(lambda: service.get(service.request(serial)).is_success and service.stored_count() > before)


def test_a_clock_behind_the_record_signs_nothing_and_what_is_there_is_served(service: Service) -> None:
    """The record is moved ahead instead of the clock back: to the service it is the same."""
    serial, other = common(service, "stored"), common(service, "other")
    store(service, serial)
    crl = httpx.get(f"{service.url}/pki/crl/{CITIZEN}.crl", trust_env=False, timeout=30)
    with Session(service.pki.engine) as session, session.begin():
        ahead = service.pki.clock() + timedelta(hours=2)
        record_events(session, [Event(ahead, "tester", "certificate.issued", "one", {})])
    until(lambda: not any(answers(service.url) for _ in range(8)), DELAY)  # whichever worker is asked
    health = httpx.get(f"{service.url}/pki/healthz", trust_env=False, timeout=30)
    assert health.json()["causes"]["clock"] == "ClockSetBackError"
    assert "is on record already" in health.json()["detail"]
    refused = error_response(ResponseStatus.INTERNAL_ERROR)
    until(lambda: service.post(service.request(other)).content == refused, DELAY)
    assert read(service.post(service.request(serial))).certificate_status is GOOD
    service.pki.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    again = httpx.get(f"{service.url}/pki/crl/{CITIZEN}.crl", trust_env=False, timeout=30)
    assert again.content == crl.content
    until(
        lambda: service.post(service.request(serial)).content == refused, DELAY
    )  # good no more, in any case
    with Session(service.pki.engine) as session, session.begin():
        confirm_clock(session, service.pki.clock(), "officer-1", "the record was ahead")
    until(lambda: all(answers(service.url) for _ in range(8)), DELAY)
    assert read(service.post(service.request(serial))).certificate_status is REVOKED
    newer = httpx.get(f"{service.url}/pki/crl/{CITIZEN}.crl", trust_env=False, timeout=30)
    assert newer.content != crl.content


def test_a_database_that_comes_back_from_a_copy_leaves_no_wrong_answer(
    service: Service, tmp_path: Path
) -> None:
    serial, other = common(service, "held"), common(service, "other")
    service.pki.authority.suspend(serial, "tester", "")
    copy = copy_of(service.pki.engine, tmp_path / "copy.sqlite3")
    service.pki.authority.resume(serial, "tester", "")
    until(lambda: read(service.get(service.request(serial))).certificate_status is GOOD, DELAY)
    store(service, serial)
    lost = httpx.get(f"{service.url}/pki/crl/{CITIZEN}.crl", trust_env=False, timeout=30)
    bring_back(service.pki.engine, copy)
    service.pki.authority.suspend(other, "tester", "")  # its versions are as high as they were
    until(lambda: read(service.get(service.request(serial))).certificate_status is REVOKED, DELAY)
    newer = httpx.get(f"{service.url}/pki/crl/{CITIZEN}.crl", trust_env=False, timeout=30)
    assert newer.headers["etag"] != lost.headers["etag"]


def test_a_revoked_responder_signs_no_more(service: Service) -> None:
    serial, other = common(service, "kept"), common(service, "other")
    store(service, serial)
    (responder,) = read(service.post(service.request(serial))).certificates
    service.pki.authority.revoke(responder.serial_number, RevocationReason.KEY_COMPROMISE, "officer-1", "")

    def signer(number: int) -> int:
        (certificate,) = read(service.post(service.request(number))).certificates
        found: int = certificate.serial_number
        return found

    def signers() -> set[int]:
        return {signer(number) for number in (serial, other) for _ in range(8)}  # whichever worker answers

    until(lambda: responder.serial_number not in signers(), DELAY)
    assert len(signers()) == 1
