"""Power cuts, pulled cards and dead processes at every step: the run completes, or the card is waste."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select

from cardio.errors import InvalidPinError, TransportPinError
from cardio.piv.session import PivSession
from cardio.transport import pcsc
from cardio.transport.base import CardConnection, CardRemovedError
from issuance.audit import AuditEntry
from issuance.lifecycle.models import Card, CardCertificate
from issuance.lifecycle.states import CardState
from issuance.production.cardsecrets import factory_secrets, issuer_secrets
from issuance.production.errors import ProductionRunningError
from issuance.production.journal import LEASE
from issuance.production.service import ProductionView
from issuance.production.steps import ProductionState, Step
from pki.auditchain import verify_table
from pki.bootstrap import open_pki
from pki.status.state import Status
from pki.store.models import CertificateRow
from simulators.card.blank import create_blank
from simulators.card.file import CardFile
from simulators.card.globalplatform.keyset import KeySet
from simulators.card.lifecycle import LifeCycle
from simulators.depot import take_in
from tests.conftest import RecordPoints
from tests.integration.issuance.office import CLERK, Office, Readers, open_registry
from tests.integration.issuance.tearing import Cut, DyingRegistry, ProcessDiedError, WriteCount
from tests.repeated import REPEATED

pytestmark = REPEATED

APDUS = 41
DURABLE_WRITES = 32
"""At least as many as an undisturbed run has; `test_no_place_is_left_out` sees to that."""

COMMIT_SHARES = 4


class PulledCard:
    """A connection whose card goes away at its n-th APDU, before or after the card has done it."""

    def __init__(self, inner: CardConnection, at: int, *, answered: bool) -> None:
        self._inner = inner
        self._left = at
        self._answered = answered

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def atr(self) -> bytes:
        return self._inner.atr

    def transmit(self, command: bytes) -> bytes:
        if self._left == 0:
            if self._answered:
                self._inner.transmit(command)
            raise CardRemovedError(self.name, "the card was removed")
        self._left -= 1
        return self._inner.transmit(command)

    def reset(self) -> None:
        self._inner.reset()

    def close(self) -> None:
        self._inner.close()


class PullingReaders(Readers):
    """Readers whose next connection loses its card."""

    def __init__(self, name: str, at: int, *, answered: bool) -> None:
        super().__init__(name)
        self._pull: Callable[[CardConnection], CardConnection] | None = lambda inner: PulledCard(
            inner, at, answered=answered
        )

    def connect(self, name: str) -> CardConnection:
        connection = super().connect(name)
        pull, self._pull = self._pull, None
        return pull(connection) if pull else connection


def certificate_statuses(office: Office) -> list[Status]:
    """Of every citizen's certificate that the authority ever issued, recorded by the registry or not."""
    with office.pki.engine.connect() as connection:
        rows = connection.execute(
            select(CertificateRow.status).where(CertificateRow.profile.in_(["authentication", "signature"]))
        )
        return [Status(row.status) for row in rows]


def no_good_certificate(office: Office) -> None:
    assert Status.GOOD not in certificate_statuses(office)


def deliver(office: Office, run: ProductionView) -> None:
    assert run.card_number is not None
    opened = office.open_delivery(run.card_number)
    office.registry.deliveries.complete(CLERK, opened.delivery_id, office.accept(opened))
    assert sorted(certificate_statuses(office), key=str).count(Status.GOOD) == 2


def finish(office: Office, application: str, torn: ProductionView) -> None:
    """Goes on after a tear, as a clerk would, and hands the card over."""
    no_good_certificate(office)
    if torn.state is ProductionState.FAILED:
        assert Step.TAKE_CARD not in {step.step for step in torn.steps} or torn.card_number is None
    else:
        assert torn.state is ProductionState.INTERRUPTED, (torn.failure_kind, torn.failure_detail)
    run = office.produce(application)
    assert run.state is ProductionState.PRODUCED, (run.failure_kind, run.failure_detail)
    no_good_certificate(office)
    assert certificate_statuses(office) == [Status.ON_HOLD, Status.ON_HOLD]
    deliver(office, run)
    with office.registry.database.reading() as session:
        verify_table(session, AuditEntry)


@pytest.mark.slow
@pytest.mark.parametrize("answered", [False, True], ids=["command-lost", "answer-lost"])
@pytest.mark.parametrize("at", range(APDUS))
def test_a_card_pulled_at_any_apdu(
    office: Office, at: int, answered: bool, record_points: RecordPoints
) -> None:
    application = office.approved()
    office.insert(office.blank())
    office.registry.close()
    readers = PullingReaders(office.reader.name, at, answered=answered)
    office.registry = open_registry(office.home, office.pki, office.register, readers, office.clock)
    torn = office.produce(application)
    if torn.state is ProductionState.PRODUCED:
        assert torn.apdus <= at
        return  # the run was shorter than that
    finish(office, application, torn)
    record_points("personalisation", (Cut.ANSWER if answered else Cut.COMMAND).value, 1)


@pytest.mark.slow
@pytest.mark.parametrize("writes", range(DURABLE_WRITES))
def test_a_power_cut_after_any_write_of_the_card(
    office: Office, writes: int, record_points: RecordPoints
) -> None:
    application = office.approved()
    blank = office.blank()
    office.insert(blank, power_cut_after_writes=writes)
    torn = office.produce(application)
    if torn.state is ProductionState.PRODUCED:
        return  # the run wrote less often than that
    office.insert(blank)
    finish(office, application, torn)
    record_points("personalisation", Cut.WRITE.value, 1)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1, COMMIT_SHARES + 1))
def test_the_process_dies_around_every_commit(
    office: Office, first: int, record_points: RecordPoints
) -> None:
    """Each share takes every fourth place, for another person each, until a run gets through."""
    for produced, place in enumerate(count(first, COMMIT_SHARES), 1):
        application = office.approved(produced)
        office.insert(office.blank())
        died = False
        with pytest.MonkeyPatch.context() as patch:
            DyingRegistry(place).watch(office, patch)
            try:
                office.produce(application)
            except ProcessDiedError:
                died = True
        if not died:
            record_points("personalisation", "around a commit", produced - 1)
            return
        office.clock.ahead += LEASE * 2
        run = office.registry.production.latest(application)
        if run is None or run.state is not ProductionState.PRODUCED:  # it is, after the last commit
            run = office.produce(application)
        assert run.state is ProductionState.PRODUCED, (place, run.failure_kind, run.failure_detail)
        assert certificate_statuses(office) == [Status.ON_HOLD] * 2 * produced


def test_no_place_is_left_out(office: Office) -> None:
    """The two tests above cut everywhere."""
    writes = WriteCount()
    application = office.approved()
    office.insert(office.blank(), meter=writes)
    run = office.produce(application)
    assert APDUS - 5 < run.apdus <= APDUS
    assert DURABLE_WRITES - 5 < writes.count < DURABLE_WRITES


def test_an_abandoned_run_is_voided_and_the_person_gets_another_card(office: Office) -> None:
    application = office.approved()
    office.insert(office.blank(), power_cut_after_writes=12)
    torn = office.produce(application)
    assert torn.state is ProductionState.INTERRUPTED
    office.registry.production.void(CLERK, torn.id)
    assert set(certificate_statuses(office)) <= {Status.REVOKED}
    assert office.registry.production.view(torn.id).state is ProductionState.VOIDED
    with office.registry.database.reading() as session:
        assert session.get_one(Card, torn.card_number).state == CardState.VOIDED
    office.insert(office.blank())
    run = office.produce(application)
    assert run.state is ProductionState.PRODUCED
    assert run.card_number != torn.card_number
    deliver(office, run)


def test_a_certificate_whose_answer_was_lost_is_revoked_with_the_run(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The authority issued, the registry died before it could write that down."""
    application = office.approved()
    office.insert(office.blank())
    issue = office.pki.authority.issue
    monkeypatch.setattr(office.pki.authority, "issue", lambda request: _die(issue(request)))
    with pytest.raises(_ProcessDiedError):
        office.produce(application)
    monkeypatch.undo()
    run = office.registry.production.latest(application)
    assert run is not None
    with office.registry.database.reading() as session:
        assert list(session.scalars(select(CardCertificate))) == []
    assert certificate_statuses(office) == [Status.ON_HOLD]
    office.clock.ahead += LEASE * 2
    office.registry.production.void(CLERK, run.id)
    assert set(certificate_statuses(office)) == {Status.REVOKED}


class _ProcessDiedError(BaseException):
    """Nothing in the program catches it."""


def _die(_answer: object) -> object:
    raise _ProcessDiedError


def test_a_dead_process_holds_its_run_until_the_lease_ends(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = office.approved()
    office.insert(office.blank())
    issue = office.pki.authority.issue
    monkeypatch.setattr(office.pki.authority, "issue", lambda request: _die(issue(request)))
    with pytest.raises(_ProcessDiedError):
        office.produce(application)
    monkeypatch.undo()
    office.registry.close()
    office.pki.close()
    office.pki = open_pki(office.home, office.clock)
    readers = Readers(office.reader.name)
    office.registry = open_registry(office.home, office.pki, office.register, readers, office.clock)
    with pytest.raises(ProductionRunningError):
        office.produce(application)
    office.clock.ahead += LEASE * 2
    run = office.produce(application)
    assert run.state is ProductionState.PRODUCED
    assert run.attempts == 2
    assert certificate_statuses(office) == [Status.ON_HOLD, Status.ON_HOLD]
    deliver(office, run)


def test_another_card_does_not_get_into_a_torn_run(office: Office) -> None:
    application = office.approved()
    first, second = office.blank(), office.blank()
    office.insert(first, power_cut_after_writes=5)
    torn = office.produce(application)
    office.insert(second)
    refused = office.produce(application)
    assert refused.state is ProductionState.INTERRUPTED
    assert refused.failure_kind == "wrong-card"
    assert refused.card_number == torn.card_number
    office.insert(first)
    finish(office, application, refused)


def test_a_body_of_another_manufacturer_is_left_alone(office: Office) -> None:
    application = office.approved()
    path = office.home.cards / "0000000077.card"
    create_blank(path, 77, "123456", "12345678", bytes(range(32)))
    take_in(office.registry, [path])
    with CardFile.open(path) as file:
        before = file.state
    office.insert(path)
    run = office.produce(application)
    assert (run.state, run.failure_kind) == (ProductionState.FAILED, "not-a-blank")
    office.remove()
    with CardFile.open(path) as file:  # but for the sessions that it counts
        assert replace(file.state, isd=before.isd) == before
        assert file.state.isd.key_sets.keys() == before.isd.key_sets.keys()
    office.insert(office.blank())
    assert office.produce(application).state is ProductionState.PRODUCED


def test_a_body_serves_once(office: Office) -> None:
    first = office.approved(0)
    blank = office.blank()
    office.insert(blank)
    assert office.produce(first).state is ProductionState.PRODUCED
    second = office.approved(1)
    run = office.produce(second)
    assert run.state is ProductionState.FAILED
    assert run.failure_kind in {"not-a-blank", "body-used"}
    assert office.registry.production.view(run.id).card_number is None


def test_a_body_with_another_factory_pin_is_voided_without_a_certificate(office: Office) -> None:
    application = office.approved()
    keys = factory_secrets(office.pki.master_keys["factory"], 4711)
    other = "11112222" if keys.pin != "11112222" else "11113333"
    path = office.home.cards / "0000004711.card"
    channel_keys = KeySet(*keys.channel_keys.keys)
    create_blank(path, 4711, other, keys.puk, keys.management_key, channel_keys)
    take_in(office.registry, [path])
    office.insert(path)
    run = office.produce(application)
    assert (run.state, run.failure_kind) == (ProductionState.VOIDED, "invalid-pin")
    assert certificate_statuses(office) == []


def test_a_produced_card_has_the_issuers_secrets_and_none_of_the_factorys(office: Office) -> None:
    application = office.approved()
    blank = office.blank()
    office.insert(blank)
    run = office.produce(application)
    assert run.card_number is not None
    serial = int(run.card_number)
    factory = factory_secrets(office.pki.master_keys["factory"], serial)
    issuer = issuer_secrets(office.pki.master_keys["card"], serial)
    with pcsc.connect(office.reader.name) as connection:
        session = PivSession(connection)
        with pytest.raises(TransportPinError):
            session.verify_pin(issuer.transport_pin)
        with pytest.raises(InvalidPinError):
            session.change_pin(factory.pin, "13572468")
        session.change_puk(issuer.puk, issuer.puk)
        session.authenticate_management(issuer.management_key)
    _holds_no_secret_in_clear(office, blank, run)


def _holds_no_secret_in_clear(office: Office, blank: Path, run: ProductionView) -> None:
    """The registry's database knows no PIN, PUK or key of the card."""
    office.remove()
    serial = int(run.card_number or "0")
    with CardFile.open(blank) as file:
        assert file.state.life_cycle is LifeCycle.SECURED
        assert set(file.state.isd.key_sets) == {
            issuer_secrets(office.pki.master_keys["card"], serial).channel_keys.version
        }
    issuer = issuer_secrets(office.pki.master_keys["card"], serial)
    content = b"".join(path.read_bytes() for path in office.home.root.glob("issuance.sqlite3*"))
    for secret in (issuer.transport_pin, issuer.puk, issuer.can + issuer.puk):
        assert secret.encode() not in content
    assert issuer.management_key not in content
