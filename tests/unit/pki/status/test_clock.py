"""A clock that jumped back: nothing is signed, the cause is told, what is there is served, stops go on."""

import asyncio
import itertools
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pki import cli
from pki.app import create_app
from pki.auditchain import Event
from pki.authority import CertificateRequest
from pki.authority.record import REVOKED, confirm_clock, record_events, recorded_time, refuse_clock_set_back
from pki.bootstrap import Pki
from pki.errors import ClockSetBackError
from pki.home import Home
from pki.keys.files import FileSigner
from pki.serving import check
from pki.status import RevocationReason
from pki.status.ocsp.preparing import Preparer
from pki.status.ocsp.response import ResponseStatus
from pki.status.signingclock import LOOK_SECONDS, SigningClock
from pki.store.models import AuditCheckpoint, AuditEntry, CertificateBody, CrlNumber, CrlRow
from tests.delivery import issue_delivered
from tests.unit.pki.status.ocsp.conftest import Seconds, Worker

CITIZEN = "citizen-auth-g1"
Requests = Callable[..., CertificateRequest]


@click.group()
@click.option("--home", required=True, type=click.Path(path_type=Path))
def root(home: Path) -> None: ...


root.add_command(cli.pki)


@pytest.fixture
def serial(pki: Pki, citizen_request: Requests) -> int:
    """A new certificate's, of the length by which stored answers are found."""
    names = (f"request-{number}" for number in itertools.count())
    issued = (issue_delivered(pki.authority, citizen_request(name)).serial for name in names)
    return next(number for number in issued if number >= 1 << 120)


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One item for each signature that any key of this process makes."""
    made: list[str] = []
    for name in ("sign", "sign_digest"):
        plain = getattr(FileSigner, name)

        def sign(*arguments: Any, _plain: Any = plain, _name: str = name) -> bytes:
            made.append(_name)
            signature: bytes = _plain(*arguments)
            return signature

        monkeypatch.setattr(FileSigner, name, sign)
    return made


def question(pki: Pki, serial: int, nonce: bytes | None = None) -> bytes:
    with Session(pki.engine) as session:
        leaf = x509.load_der_x509_certificate(session.get_one(CertificateBody, serial).der)
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, pki.trust.intermediates[0], SHA256())
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def health(pki: Pki) -> Response:
    async def get() -> Response:
        async with AsyncClient(transport=ASGITransport(create_app(pki)), base_url="http://pki") as client:
            return await client.get("/healthz")

    return asyncio.run(get())


def counts(pki: Pki) -> list[int]:
    with Session(pki.engine) as session:
        tables = (CrlRow, CrlNumber, AuditCheckpoint)
        numbers = session.scalar(select(func.sum(CrlNumber.number)))
        return [
            *(session.scalar(select(func.count()).select_from(table)) or 0 for table in tables),
            numbers or 0,
        ]


def confirm(pki: Pki) -> None:
    with Session(pki.engine) as session, session.begin():
        confirm_clock(session, pki.clock(), "officer-1", "it was ahead")
    pki.signing_clock.look()


@pytest.mark.parametrize("span", [{"seconds": 61}, {"hours": 2}, {"days": 400}, {"days": 20_000}])
def test_nothing_is_signed_and_nothing_is_lost(
    pki: Pki, serial: int, clock: Any, signatures: list[str], span: dict[str, int]
) -> None:
    pki.ocsp.answer(question(pki, serial))
    pki.authority.suspend(serial, "tester", "")
    signatures.clear()
    before = counts(pki)
    clock.advance(**{unit: -number for unit, number in span.items()})
    for name in pki.crls.names:
        with pytest.raises(ClockSetBackError):
            pki.crls.publish(name)
    for name in (f"{CITIZEN}-delta", CITIZEN):
        with pytest.raises(ClockSetBackError):
            pki.crls.publish(name)
    with pytest.raises(ClockSetBackError):
        pki.crls.publish_due()
    with pytest.raises(ClockSetBackError):
        pki.checkpointer.make()
    for nonce in (None, bytes(32)):
        assert pki.ocsp.answer(question(pki, serial, nonce)).status is ResponseStatus.INTERNAL_ERROR
    with pytest.raises(ClockSetBackError):
        Preparer(pki).renew_responders()
    with pytest.raises(ClockSetBackError):
        pki.documents.publish_master_list()
    assert signatures == []
    assert counts(pki) == before
    clock.advance(**span)
    pki.crls.publish(CITIZEN)
    pki.checkpointer.make()
    assert pki.ocsp.answer(question(pki, serial)).status is ResponseStatus.SUCCESSFUL


def test_a_step_of_a_few_seconds_is_nothing(pki: Pki, serial: int, clock: Any) -> None:
    clock.advance(minutes=5)
    pki.ocsp.answer(question(pki, serial))
    clock.advance(seconds=-45)
    assert pki.ocsp.answer(question(pki, serial)).status is ResponseStatus.SUCCESSFUL
    clock.advance(minutes=5)
    first = pki.crls.publish(CITIZEN)
    clock.advance(seconds=-45)
    assert pki.crls.publish(CITIZEN).number > first.number


def test_the_last_edition_is_served_and_health_tells_why(pki: Pki, serial: int, clock: Any) -> None:
    clock.advance(hours=1)
    last = pki.crls.current(CITIZEN)
    assert health(pki).status_code == 200
    pki.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    clock.advance(minutes=-30)
    assert pki.crls.current(CITIZEN) == pki.crls.published(CITIZEN)
    clock.advance(hours=-2)
    assert pki.crls.current(CITIZEN).number >= last.number
    told = health(pki)
    assert told.status_code == 503
    assert "clock" in told.json()["failing"]
    assert told.json()["causes"]["clock"] == "ClockSetBackError"
    assert "the clock says 2026-11-24 10:30:00" in told.json()["detail"]
    clock.advance(hours=3)
    assert health(pki).status_code == 200


def test_certificates_are_stopped_whatever_the_clock_says(pki: Pki, serial: int, clock: Any) -> None:
    clock.advance(hours=-2)
    pki.authority.suspend(serial, "tester", "")
    pki.authority.revoke(serial, RevocationReason.KEY_COMPROMISE, "tester", "")
    assert not pki.status.state_of(serial).is_good
    with pytest.raises(ClockSetBackError):
        pki.crls.publish(CITIZEN)


def test_many_stops_at_a_wrong_time_do_not_make_it_right(pki: Pki, clock: Any) -> None:
    with Session(pki.engine) as session, session.begin():
        stops = [Event(clock() - timedelta(days=9), "tester", REVOKED, "one", {}) for _ in range(600)]
        mass = [Event(clock() - timedelta(days=9), "tester", "mass.revoke", "mass-1", {}) for _ in range(600)]
        record_events(session, stops + mass)
        with pytest.raises(ClockSetBackError):
            refuse_clock_set_back(session, clock() - timedelta(hours=1))
        refuse_clock_set_back(session, clock())


def test_many_crls_do_not_hide_what_was_before(pki: Pki, clock: Any) -> None:
    """A CRL counts like all else: two hours without another event are as long as with one."""
    clock.advance(hours=2)
    pki.crls.publish(CITIZEN)
    clock.advance(hours=-1)
    with pytest.raises(ClockSetBackError) as caught:
        pki.crls.publish(CITIZEN)
    assert caught.value.recorded - caught.value.now == timedelta(hours=1)


def test_stored_answers_serve_on(pki: Pki, serial: int, clock: Any) -> None:
    worker = Worker(pki)
    stored = worker.store(serial)
    clock.advance(hours=-2)
    assert not worker.follow()  # no responder may sign
    assert worker.prepared.is_confirmed
    found = worker.find(serial)
    assert found is not None
    assert found.body == stored.body
    with pytest.raises(ClockSetBackError):
        list(Preparer(pki).prepare(CITIZEN))
    assert pki.answers.count() == 1
    fresh = Worker(pki)  # a process that began at the wrong time
    fresh.follow()
    assert fresh.find(serial) is not None


def test_what_was_made_while_the_clock_was_ahead_is_replaced_once_an_officer_says_so(
    pki: Pki, serial: int, clock: Any
) -> None:
    clock.advance(days=400)
    ahead = pki.crls.current(CITIZEN)
    pki.ocsp.answer(question(pki, serial))
    pki.checkpointer.make()
    clock.advance(days=-400)
    assert pki.crls.current(CITIZEN) == ahead  # which of the two times is wrong, no machine can tell
    assert pki.ocsp.answer(question(pki, serial)).status is ResponseStatus.INTERNAL_ERROR
    confirm(pki)
    replaced = pki.crls.current(CITIZEN)
    assert replaced.number > ahead.number
    assert replaced.this_update <= clock()
    assert pki.crls.current(f"{CITIZEN}-delta").this_update <= clock()
    answer = pki.ocsp.answer(question(pki, serial))
    assert ocsp.load_der_ocsp_response(answer.body).next_update_utc < clock() + timedelta(days=1)
    pki.checkpointer.make()
    assert health(pki).status_code == 200
    clock.advance(hours=-2)
    with pytest.raises(ClockSetBackError):
        pki.crls.publish(CITIZEN)  # what was confirmed counts from then on


def test_nothing_is_signed_before_the_ca_begins(pki: Pki, serial: int, clock: Any) -> None:
    """Even where an officer confirms such a time."""
    clock.now = pki.issuers[CITIZEN].facts.validity.not_before - timedelta(seconds=1)
    confirm(pki)
    with pytest.raises(ClockSetBackError) as caught:
        pki.crls.publish(CITIZEN)
    assert caught.value.recorded == pki.issuers[CITIZEN].facts.validity.not_before
    with pytest.raises(ClockSetBackError):
        pki.ocsp.maker.sources[CITIZEN]()
    assert pki.ocsp.answer(question(pki, serial)).status is ResponseStatus.INTERNAL_ERROR
    assert "clock" in health(pki).json()["failing"]


def test_the_record_is_read_once_a_second(pki: Pki, clock: Any) -> None:
    seconds = Seconds()
    signing = SigningClock(pki.engine, clock, seconds)
    assert signing() == clock()
    with Session(pki.engine) as session, session.begin():
        later = Event(clock() + timedelta(days=1), "tester", "certificate.issued", "one", {})
        record_events(session, [later])
    seconds.now += LOOK_SECONDS / 2
    assert signing() == clock()
    seconds.now += LOOK_SECONDS / 2
    with pytest.raises(ClockSetBackError):
        signing()


def test_what_was_signed_counts_although_nothing_is_on_record(pki: Pki, clock: Any) -> None:
    signing = SigningClock(pki.engine, clock, Seconds())
    signing()
    clock.advance(hours=5)
    signing.checked()  # looking signs nothing
    clock.advance(hours=-4)
    signing()
    clock.advance(hours=-1)
    with pytest.raises(ClockSetBackError):
        signing.checked()
    with Session(pki.engine) as session, session.begin():
        confirm_clock(session, clock(), "officer-1", "")
    signing.look()
    assert signing() == clock()


def test_a_service_begins_at_a_wrong_time_and_signs_nothing(
    home: Home, pki: Pki, signatures: list[str]
) -> None:
    with Session(pki.engine) as session, session.begin():
        record_events(
            session, [Event(pki.clock() + timedelta(days=9_000), "t", "certificate.issued", "o", {})]
        )
    check(home)
    assert signatures == []


def test_the_command_tells_and_confirms(home: Home, pki: Pki) -> None:
    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        found = CliRunner().invoke(root, ["--home", str(home.root), "pki", "clock", "--json", *arguments])
        return found.exit_code, json.loads(found.stdout) if found.exit_code == 0 else {}

    assert run()[1]["clock"] == "right"
    with Session(pki.engine) as session, session.begin():
        record_events(
            session, [Event(pki.clock() + timedelta(days=9_000), "t", "certificate.issued", "o", {})]
        )
    assert run()[1]["clock"] == "behind"
    assert run("--confirm", "No Label")[0] == 1
    assert run()[1]["clock"] == "behind"
    assert run("--confirm", "officer-1", "--note", "the time server was wrong")[1]["clock"] == "right"
    assert run()[1]["clock"] == "right"
    with Session(pki.engine) as session, session.begin():
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.sequence.desc()).limit(1)).one()
        assert (entry.action, entry.actor) == ("clock.confirmed", "officer-1")
        assert entry.details["note"] == "the time server was wrong"
        assert recorded_time(session).time == entry.time
