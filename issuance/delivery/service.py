"""Handing a card over.

The operator checks who the person is (`checks`) and opens a delivery. At the station the person replaces the
transport PIN, without which the card's keys refuse to work; the card says which one it is and signs the
delivery's challenge. That shows that it is the record's card, made out to the order's person, and that its
holder has a PIN of their own; no PIN ever comes here. Only then its certificates go live.
"""

import logging
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from cardio.station.handovercontent import CHALLENGE_BYTES
from issuance.audit import Audit
from issuance.database import Database
from issuance.delivery.checks import DELIVERERS
from issuance.delivery.errors import (
    CardMismatchError,
    DeliveryClosedError,
    DeliveryError,
    DeliveryProofError,
    IdentityUncheckedError,
)
from issuance.delivery.matching import (
    CardAnswer,
    Expected,
    MatchFault,
    mismatch,
    unproven,
)
from issuance.delivery.models import Delivery
from issuance.delivery.repository import (
    card_to_hand_over,
    close_delivery,
    close_open,
    get_delivery,
    is_good,
    last_check,
    move_delivery,
    require_waiting,
)
from issuance.delivery.rules import DeliveryRules
from issuance.delivery.states import DeliveryEnd, DeliveryEvent, DeliveryState
from issuance.enrolment.repository import move
from issuance.errors import ForbiddenTransitionError, IssuanceError
from issuance.identifiers import Randomness, new_identifier
from issuance.lifecycle.cards import get_card, move_card
from issuance.lifecycle.certificates import Certificates
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationEvent, CardEvent
from issuance.massactions.closing import require_not_held
from issuance.massactions.errors import CardHeldError
from issuance.operators.service import Actor
from issuance.production.cardsecrets import issuer_secrets
from pki.clock import Clock
from pki.errors import HeldByOthersError, PkiError, StatusError
from pki.keys.masterkeys import MasterKey
from pki.profiles import Profile

_LOG = logging.getLogger(__name__)

LIFE = timedelta(minutes=15)
MAX_TRIES = 5


@dataclass(frozen=True)
class OpenDelivery:
    """What the station needs to hand a card over."""

    delivery_id: str
    card_number: str
    transport_pin: str = field(repr=False)
    challenge: bytes = field(repr=False)
    """32 bytes, to be signed by key 9A with SHA-256."""


class Deliveries:
    """All deliveries of one registry."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        certificates: Certificates,
        card_key: MasterKey,
        rules: DeliveryRules,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._database = database
        self._audit = audit
        self._certificates = certificates
        self._card_key = card_key
        self._rules = rules
        self._clock = clock
        self._randomness = randomness

    def open(self, actor: Actor, number: str) -> OpenDelivery:
        """Begins handing a produced card to the person who was just checked; an earlier attempt is closed.

        Raises NotFoundError, ForbiddenTransitionError, IdentityUncheckedError, or in a mass
        action CardHeldError.
        """
        actor.require(*DELIVERERS)
        now = self._clock()
        self.finish_card(number)
        with self._database.writing() as session:
            card = card_to_hand_over(session, actor, number)
            require_not_held(session, card.card_number)
            check = last_check(session, card.card_number)
            if check is None or not is_good(check, actor, now - self._rules.check_life):
                raise IdentityUncheckedError
            close_open(session, card.card_number, DeliveryEnd.SUPERSEDED)
            delivery = Delivery(
                id=new_identifier(self._randomness),
                card_number=card.card_number,
                state=DeliveryState.OPEN.value,
                identity_check_id=check.id,
                challenge=self._randomness(CHALLENGE_BYTES),
                tries_left=MAX_TRIES,
                opened_by=actor.username,
                opened_at=now,
                expires_at=now + LIFE,
            )
            session.add(delivery)
            self._audit.record(session, actor.username, "delivery.opened", f"card:{card.card_number}")
        secrets = issuer_secrets(self._card_key, int(delivery.card_number))
        return OpenDelivery(delivery.id, delivery.card_number, secrets.transport_pin, delivery.challenge)

    def complete(self, actor: Actor, delivery_id: str, answer: CardAnswer) -> None:
        """Checks the card's answer and activates its certificates. Asking again after success is no error.

        Raises NotFoundError, DeliveryClosedError, CardMismatchError, DeliveryProofError; CardHeldError in a
        mass action.
        """
        actor.require(*DELIVERERS)
        refused = self._prove(actor, delivery_id, answer)
        if refused is not None:
            raise refused
        try:
            self._activate(delivery_id)
        except HeldByOthersError:
            raise
        except StatusError:
            self._give_up(delivery_id)
            raise

    def finish_proven(self) -> int:
        """Activates what was proven before a crash; returns how many cards that were."""
        with self._database.reading() as session:
            query = select(Delivery.id).where(Delivery.state == DeliveryState.PROVEN)
            waiting = list(session.scalars(query))
        for delivery_id in waiting:
            try:
                self._activate_or_give_up(delivery_id)
            except (IssuanceError, PkiError, StaleDataError) as error:
                # No other card waits for this one. It is tried again.
                _LOG.error("delivery %s is not finished yet: %s", delivery_id, type(error).__name__)
        return len(waiting)

    def finish_card(self, number: str) -> None:
        """What this card has proven before a crash. Raises what the authority says."""
        with self._database.reading() as session:
            card = get_card(session, number)
            query = select(Delivery.id).where(
                Delivery.card_number == card.card_number, Delivery.state == DeliveryState.PROVEN
            )
            waiting = list(session.scalars(query))
        for delivery_id in waiting:
            self._activate_or_give_up(delivery_id)

    def _activate_or_give_up(self, delivery_id: str) -> None:
        try:
            self._activate(delivery_id)
        except (CardHeldError, HeldByOthersError):
            # Its holder has set a PIN already: the delivery waits until the hold is lifted.
            _LOG.warning("delivery %s waits: its card's keys are held", delivery_id)
        except StatusError as error:
            # Revoked meanwhile at the authority: never goes live.
            _LOG.error("delivery %s given up: %s", delivery_id, type(error).__name__)
            self._give_up(delivery_id)

    def _give_up(self, delivery_id: str) -> None:
        with self._database.writing() as session:
            delivery = get_delivery(session, delivery_id)
            close_delivery(delivery, DeliveryEnd.REVOKED)
            subject = f"card:{delivery.card_number}"
            self._audit.record(session, delivery.opened_by, "delivery.given-up", subject)

    def _prove(self, actor: Actor, delivery_id: str, answer: CardAnswer) -> DeliveryError | None:
        """Records that the right card has answered, or that another did; what to raise then."""
        with self._database.writing() as session:
            delivery = get_delivery(session, delivery_id)
            if delivery.state in {DeliveryState.PROVEN, DeliveryState.COMPLETED}:
                return None
            if delivery.state != DeliveryState.OPEN or delivery.expires_at <= self._clock():
                raise DeliveryClosedError
            session.refresh(delivery.card, with_for_update=True)
            require_waiting(session, delivery.card)
            require_not_held(session, delivery.card_number)
            fault = mismatch(_expected(delivery.card), answer, delivery.challenge)
            if fault is not None:
                return self._count(session, actor, delivery, fault)
            move_delivery(delivery, DeliveryEvent.PROVE)
            delivery.matched_at = delivery.proven_at = self._clock()
            delivery.signature = answer.signature
            subject = f"card:{delivery.card_number}"
            self._audit.record(session, actor.username, "delivery.proven", subject)
        return None

    def _count(self, session: Session, actor: Actor, delivery: Delivery, fault: MatchFault) -> DeliveryError:
        delivery.tries_left -= 1
        if delivery.tries_left == 0:
            close_delivery(delivery, DeliveryEnd.TRIES)
        details = {"fault": fault.value, "left": delivery.tries_left}
        subject = f"card:{delivery.card_number}"
        self._audit.record(session, actor.username, "delivery.mismatched", subject, details)
        if fault is MatchFault.SIGNATURE:
            return DeliveryProofError(delivery.tries_left)
        return CardMismatchError(fault, delivery.tries_left)

    def _activate(self, delivery_id: str) -> None:
        with self._database.writing() as session:
            delivery = get_delivery(session, delivery_id)
            session.refresh(delivery, with_for_update=True)
            if delivery.state != DeliveryState.PROVEN:
                return  # another server was quicker
            card = delivery.card
            session.refresh(card, with_for_update=True)
            require_not_held(session, card.card_number)
            try:
                require_waiting(session, card)
            except ForbiddenTransitionError:  # ended since the proof
                close_delivery(delivery, DeliveryEnd.REVOKED)
                return
            fault = unproven(_expected(card), delivery.signature, delivery.challenge)
            if fault is not None:  # whoever wrote that row, the card has not
                self._refuse_proof(session, delivery, fault)
                return
            move_delivery(delivery, DeliveryEvent.COMPLETE)
            session.flush()  # the database wants a completed delivery before the card is active
            move_card(card, CardEvent.DELIVER)
            card.delivered_at = delivery.proven_at
            move(card.application, ApplicationEvent.DELIVER)
            subject = f"card:{card.card_number}"
            details = {"delivery": delivery.id, "check": delivery.identity_check_id}
            self._audit.record(session, delivery.opened_by, "card.delivered", subject, details)
            session.flush()
            # Last before the commit: if the commit is lost, the proof is on record and this runs again.
            self._certificates.activate(card.certificates, delivery.opened_by, "card delivered")

    def _refuse_proof(self, session: Session, delivery: Delivery, fault: MatchFault) -> None:
        close_delivery(delivery, DeliveryEnd.UNPROVEN)
        details, subject = {"fault": fault.value}, f"card:{delivery.card_number}"
        self._audit.record(session, delivery.opened_by, "delivery.given-up", subject, details)
        _LOG.error("delivery %s given up: what is recorded as its proof is none", delivery.id)


def _expected(card: Card) -> Expected:
    (der,) = [row.der for row in card.certificates if row.profile == Profile.AUTHENTICATION.value]
    return Expected(card.guid, der, card.national_code)
