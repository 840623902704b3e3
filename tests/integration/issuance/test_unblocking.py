"""A blocked card gets its holder's new PIN at a station, and nobody else's; whatever is cut off goes on."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import select

from cardio.errors import CardError, InvalidPinError, PinBlockedError
from cardio.piv.session import PivSession
from cardio.transport import pcsc
from cardio.transport.base import CardConnection, CardResetError, ReaderBusyError
from issuance.audit import AuditEntry
from issuance.delivery.errors import IdentityUncheckedError
from issuance.delivery.matching import MatchFault
from issuance.errors import ForbiddenTransitionError, NotFoundError, RoleRequiredError
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production.cardsecrets import issuer_secrets
from issuance.production.connection import Job, Readers, connect_for
from issuance.production.errors import WrongCardError
from issuance.stations.errors import HandoverError
from issuance.unblocking.errors import LoginKeyNotCertifiedError, UnblockingProofError
from pki.profiles import Profile
from tests.integration.issuance.office import CITIZENS_PIN, CLERK, ITS_PERSON, SUPERVISOR
from tests.integration.issuance.stationing import Desk, Yard, open_desk
from tests.integration.issuance.test_rekeying import TornError, actions, in_use, meet, renew, tear_at
from tests.integration.issuance.test_station_production import hand_over, produce

NEW_PIN = "918273"


@pytest.fixture
def desk(yard: Yard) -> Iterator[Desk]:
    with open_desk(yard) as opened:
        yield opened


@pytest.fixture
def blocked(yard: Yard, desk: Desk) -> str:
    """A card in use in the station's reader, its PIN tried away; its holder is there."""
    card = produce(yard, desk).card_number
    assert card is not None
    hand_over(yard, desk, card)
    with pcsc.connect(desk.reader.name) as connection:
        session = PivSession(connection)
        while session.pin_tries_left():
            with pytest.raises((InvalidPinError, PinBlockedError)):
                session.verify_pin("000000")
    yard.office.registry.identity_checks.meet(CLERK, card, ITS_PERSON)
    desk.typist.pin = NEW_PIN
    return card


def unblock(yard: Yard, desk: Desk, card: str, actor: Actor = CLERK) -> None:
    yard.office.registry.unblocking.unblock(actor, card, desk.full_name)


def verify(desk: Desk, pin: str) -> None:
    """The station lets go of the card, and resets it, in its own time."""
    for _ in range(20):
        with suppress(CardResetError, ReaderBusyError), pcsc.connect(desk.reader.name) as connection:
            PivSession(connection).verify_pin(pin)
            return
    raise AssertionError("the station keeps the card")


def test_the_holder_sets_a_new_pin(yard: Yard, desk: Desk, blocked: str) -> None:
    unblock(yard, desk, blocked)
    verify(desk, NEW_PIN)
    with pytest.raises(InvalidPinError):
        verify(desk, CITIZENS_PIN)
    with yard.office.registry.database.reading() as session:
        entries = list(session.scalars(select(AuditEntry).where(AuditEntry.action.like("unblocking.%"))))
    assert [entry.action for entry in entries] == ["unblocking.begun", "unblocking.finished"]
    assert NEW_PIN not in str([entry.details for entry in entries])


def test_a_card_that_is_not_blocked_gets_a_forgotten_pin_anew(yard: Yard, desk: Desk, blocked: str) -> None:
    unblock(yard, desk, blocked)
    desk.typist.pin = "445566"
    with pytest.raises(IdentityUncheckedError):  # one check, one PIN
        unblock(yard, desk, blocked)
    verify(desk, NEW_PIN)
    meet(yard, blocked)
    unblock(yard, desk, blocked)
    verify(desk, "445566")


def test_who_types_nothing_leaves_a_pin_that_nobody_knows(yard: Yard, desk: Desk, blocked: str) -> None:
    desk.typist.pin = "12345x"
    with pytest.raises(HandoverError):
        unblock(yard, desk, blocked)
    transport_pin = issuer_secrets(yard.office.pki.master_keys["card"], int(blocked)).transport_pin
    for pin in (CITIZENS_PIN, transport_pin):  # the clerk who handed the card over was told the latter
        with pytest.raises(InvalidPinError):
            verify(desk, pin)
    desk.typist.pin = NEW_PIN
    unblock(yard, desk, blocked)
    verify(desk, NEW_PIN)


def test_nobody_was_checked(yard: Yard, desk: Desk, blocked: str) -> None:
    with pytest.raises(IdentityUncheckedError):
        unblock(yard, desk, blocked, SUPERVISOR)
    with pytest.raises(PinBlockedError):
        verify(desk, NEW_PIN)


def test_a_check_that_was_used_up_while_the_card_was_connected(
    yard: Yard, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = in_use(yard, desk)

    def after_another(readers: Readers, reader: str, job: Job) -> CardConnection:
        monkeypatch.undo()
        renew(yard, desk, card, Profile.SIGNATURE)
        return connect_for(readers, reader, job)

    monkeypatch.setattr("issuance.unblocking.service.connect_for", after_another)
    with pytest.raises(IdentityUncheckedError):
        unblock(yard, desk, card)
    verify(desk, CITIZENS_PIN)


@pytest.mark.parametrize("step", ["make_key", "keep_request", "certify", "write"])
def test_a_torn_renewal_of_the_login_key_is_finished_first(yard: Yard, desk: Desk, step: str) -> None:
    """Else nothing could show whose PIN it is; and no PIN is set before that is known."""
    card, own = in_use(yard, desk), desk.typist.pin
    with pytest.MonkeyPatch.context() as patch:
        tear_at(patch, step, after=True, tear=lambda: None)
        with pytest.raises(TornError):
            renew(yard, desk, card)
    desk.typist.pin = "445566"
    with pytest.raises(LoginKeyNotCertifiedError) as refused:
        unblock(yard, desk, card)
    assert "renew the key again first" in str(refused.value)
    verify(desk, own)
    assert actions(yard, "unblocking.%") == []
    desk.typist.pin = own
    renew(yard, desk, card)
    meet(yard, card)
    desk.typist.pin = "445566"
    unblock(yard, desk, card)
    verify(desk, "445566")


def test_a_renewal_that_was_given_up_leaves_no_login_key(yard: Yard, desk: Desk) -> None:
    card = in_use(yard, desk)
    with pytest.MonkeyPatch.context() as patch:
        tear_at(patch, "certify", after=True, tear=lambda: None)
        with pytest.raises(TornError):
            renew(yard, desk, card)
    renewals = yard.office.registry.renewals
    (torn,) = renewals.open_on(card)
    renewals.give_up(CLERK, torn.id)
    with pytest.raises(LoginKeyNotCertifiedError):
        unblock(yard, desk, card)


@pytest.mark.parametrize(
    ("step", "profile"), [("begin", Profile.AUTHENTICATION), ("certify", Profile.SIGNATURE)]
)
def test_other_torn_renewals_are_in_nobodys_way(yard: Yard, desk: Desk, step: str, profile: Profile) -> None:
    """The login key is the one on record still."""
    card = in_use(yard, desk)
    with pytest.MonkeyPatch.context() as patch:
        tear_at(patch, step, after=True, tear=lambda: None)
        with pytest.raises(TornError):
            renew(yard, desk, card, profile)
    desk.typist.pin = "445566"
    unblock(yard, desk, card)
    verify(desk, "445566")


def test_a_suspended_card_stays_blocked(yard: Yard, desk: Desk, blocked: str) -> None:
    yard.office.registry.lifecycle.suspend(CLERK, blocked)
    with pytest.raises(ForbiddenTransitionError):
        unblock(yard, desk, blocked)


def test_another_card_in_the_reader(yard: Yard, desk: Desk, blocked: str) -> None:
    desk.insert(yard.office.blank())
    with pytest.raises(WrongCardError):
        unblock(yard, desk, blocked)


def test_a_puk_that_somebody_changed(yard: Yard, desk: Desk, blocked: str) -> None:
    secrets = issuer_secrets(yard.office.pki.master_keys["card"], int(blocked))
    with pcsc.connect(desk.reader.name) as connection:
        PivSession(connection).change_puk(secrets.puk, "87654321")
    with pytest.raises(CardError) as refused:
        unblock(yard, desk, blocked)
    assert secrets.puk not in str(refused.value)


def test_a_signature_of_something_else(
    yard: Yard, desk: Desk, blocked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = yard.office.registry.hub
    monkeypatch.setattr(
        yard.office.registry.unblocking,
        "_hand_over",
        lambda reader, job, pin, challenge: hub.hand_over(reader, job, pin, challenge[::-1]),
    )
    with pytest.raises(UnblockingProofError) as refused:
        unblock(yard, desk, blocked)
    assert refused.value.fault is MatchFault.SIGNATURE


def test_whose_work_it_is_not(yard: Yard, desk: Desk) -> None:
    for role in (Role.STOCK, Role.ADMINISTRATOR, Role.PRODUCTION):
        with pytest.raises(RoleRequiredError):
            unblock(yard, desk, "0000000001", Actor("stock-1", role))
    with pytest.raises(NotFoundError):
        unblock(yard, desk, "0000000001")
