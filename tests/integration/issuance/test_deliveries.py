"""Only the card itself, with its holder's own PIN, completes a delivery; a crash in between loses nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import select

from cardio.errors import TransportPinError
from cardio.piv.session import PivSession
from cardio.piv.slots import Slot
from cardio.station.delivery import read_identity
from cardio.transport import pcsc
from issuance.delivery.errors import DeliveryClosedError, DeliveryProofError
from issuance.delivery.matching import CardAnswer
from issuance.delivery.models import Delivery
from issuance.delivery.service import MAX_TRIES, OpenDelivery
from issuance.delivery.states import DeliveryState
from issuance.enrolment.errors import NotTakenOverError
from issuance.enrolment.service import Correction
from issuance.errors import ForbiddenTransitionError, LiveCardError, NotFoundError
from issuance.lifecycle.models import Card, CardCertificate
from issuance.lifecycle.states import CardState, RevocationCause
from pki.errors import StatusError
from pki.status.state import RevocationReason, Status
from tests.integration.issuance.office import CLERK, SUPERVISOR, Office, new_application


def produced(office: Office, number: int = 0) -> str:
    application = office.approved(number)
    office.insert(office.blank())
    card = office.produce(application).card_number
    assert card is not None
    return card


def opened(office: Office, number: int = 0) -> OpenDelivery:
    return office.open_delivery(produced(office, number))


def said(office: Office) -> CardAnswer:
    """What the card in the reader tells everybody, and no signature."""
    with pcsc.connect(office.reader.name) as connection:
        identity = read_identity(connection)
    return CardAnswer(b"", identity.chuid, identity.certificate)


def statuses(office: Office) -> set[Status]:
    with office.registry.database.reading() as session:
        rows = list(session.scalars(select(CardCertificate)))
    return {office.status(row.serial_number).status for row in rows}


def test_before_the_pin_is_changed_the_card_signs_nothing(office: Office) -> None:
    delivery = opened(office)
    with pcsc.connect(office.reader.name) as connection:
        session = PivSession(connection)
        with pytest.raises(TransportPinError):
            session.verify_pin(delivery.transport_pin)
        key = session.public_key(Slot.AUTHENTICATION)
        with pytest.raises(TransportPinError):
            session.sign(Slot.AUTHENTICATION, key, delivery.challenge, SHA256())


def test_wrong_answers_change_nothing_and_are_counted(office: Office) -> None:
    delivery = opened(office)
    forged = ec.generate_private_key(ec.SECP256R1()).sign(delivery.challenge, ec.ECDSA(SHA256()))
    answer = replace(said(office), signature=forged)
    for left in range(MAX_TRIES - 1, -1, -1):
        with pytest.raises(DeliveryProofError) as refused:
            office.registry.deliveries.complete(CLERK, delivery.delivery_id, answer)
        assert refused.value.tries_left == left
    assert statuses(office) == {Status.ON_HOLD}
    with pytest.raises(DeliveryClosedError):
        office.registry.deliveries.complete(CLERK, delivery.delivery_id, office.accept(delivery))
    assert statuses(office) == {Status.ON_HOLD}


@pytest.mark.parametrize("signature", [b"", b"\x30\x00", b"\x00" * 64, b"\xff" * 512, b"\x30" * 5000])
def test_what_is_no_signature(office: Office, signature: bytes) -> None:
    delivery = opened(office)
    answer = replace(said(office), signature=signature)
    with pytest.raises(DeliveryProofError):
        office.registry.deliveries.complete(CLERK, delivery.delivery_id, answer)
    assert statuses(office) == {Status.ON_HOLD}


def test_an_answer_to_another_challenge(office: Office) -> None:
    delivery = opened(office)
    signature = office.accept(replace(delivery, challenge=bytes(32)))
    with pytest.raises(DeliveryProofError):
        office.registry.deliveries.complete(CLERK, delivery.delivery_id, signature)


def test_a_newer_delivery_closes_the_older(office: Office) -> None:
    card = produced(office)
    older = office.open_delivery(card)
    newer = office.registry.deliveries.open(CLERK, card)
    assert older.challenge != newer.challenge
    signature = office.accept(older)
    with pytest.raises(DeliveryClosedError):
        office.registry.deliveries.complete(CLERK, older.delivery_id, signature)


def test_a_delivery_does_not_wait_for_ever(office: Office) -> None:
    delivery = opened(office)
    signature = office.accept(delivery)
    office.clock.ahead += timedelta(minutes=16)
    with pytest.raises(DeliveryClosedError):
        office.registry.deliveries.complete(CLERK, delivery.delivery_id, signature)


def test_asking_again_after_success_is_no_error(office: Office) -> None:
    delivery = opened(office)
    signature = office.accept(delivery)
    office.registry.deliveries.complete(CLERK, delivery.delivery_id, signature)
    office.registry.deliveries.complete(CLERK, delivery.delivery_id, signature)
    assert statuses(office) == {Status.GOOD}


def test_a_card_revoked_meanwhile_is_not_handed_over(office: Office) -> None:
    card = produced(office)
    delivery = office.open_delivery(card)
    signature = office.accept(delivery)
    office.registry.lifecycle.revoke(CLERK, card, RevocationCause.DAMAGED)
    with pytest.raises(ForbiddenTransitionError):
        office.registry.deliveries.complete(CLERK, delivery.delivery_id, signature)
    assert statuses(office) == {Status.REVOKED}
    with pytest.raises(ForbiddenTransitionError):
        office.registry.deliveries.open(CLERK, card)


class _ProcessDiedError(BaseException):
    """Nothing in the program catches it."""


def test_a_crash_after_the_proof_is_finished_later(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = opened(office)
    signature = office.accept(delivery)

    def die(_id: str) -> None:
        raise _ProcessDiedError

    monkeypatch.setattr(office.registry.deliveries, "_activate", die)
    with pytest.raises(_ProcessDiedError):
        office.registry.deliveries.complete(CLERK, delivery.delivery_id, signature)
    monkeypatch.undo()
    assert statuses(office) == {Status.ON_HOLD}
    assert office.registry.deliveries.finish_proven() == 1
    assert statuses(office) == {Status.GOOD}
    with office.registry.database.reading() as session:
        assert session.get_one(Delivery, delivery.delivery_id).state == DeliveryState.COMPLETED
        assert [card.state for card in session.scalars(select(Card))] == [CardState.ACTIVE]


def test_who_has_a_live_card_gets_no_second_one(office: Office) -> None:
    office.issue()
    with pytest.raises(LiveCardError):
        office.registry.enrolment.open(CLERK, new_application(office.people.person(0)))


def test_a_returned_application_is_its_authors_to_correct(office: Office) -> None:
    application = office.enrol()
    office.registry.approval.send_back(SUPERVISOR, application, "نام لاتین را درست کنید")
    with pytest.raises(NotTakenOverError):
        office.registry.enrolment.correct(SUPERVISOR, application, Correction(latin_surname="Other"))
    office.registry.enrolment.correct(CLERK, application, Correction(latin_surname="Ghiasvand-Azari"))
    office.registry.enrolment.submit(CLERK, application)
    office.registry.approval.approve(SUPERVISOR, application)


@pytest.mark.parametrize("number", ["", "1", "۰۰۰۰۰۰۰۰۰۱", "x" * 1000])
def test_no_such_card(office: Office, number: str) -> None:
    with pytest.raises(NotFoundError):
        office.registry.deliveries.open(CLERK, number)


def test_a_certificate_revoked_before_delivery_stops_its_own_card_and_no_other(office: Office) -> None:
    delivery = opened(office)
    with office.registry.database.reading() as session:
        serials = [row.serial_number for row in session.scalars(select(CardCertificate))]
    office.pki.authority.revoke(serials[-1], RevocationReason.KEY_COMPROMISE, "officer", "found weak")
    with pytest.raises(StatusError):
        office.registry.deliveries.complete(CLERK, delivery.delivery_id, office.accept(delivery))
    assert Status.GOOD not in statuses(office)
    assert opened(office, 1).challenge  # another card's delivery opens
    with office.registry.database.reading() as session:
        stopped = session.get_one(Delivery, delivery.delivery_id)
        assert stopped.state == DeliveryState.CLOSED
    assert office.registry.deliveries.finish_proven() == 0
