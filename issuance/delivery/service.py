"""Handing a card over.

The clerk identifies the person and opens a delivery. At the station the person replaces the transport PIN,
without which the card's keys refuse to work, and the card signs the delivery's challenge. That shows that the
card is there and its holder has a PIN of their own; no PIN ever comes here. Only then
its certificates go live.
"""

import logging
from dataclasses import dataclass, field
from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import select
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.delivery.errors import DeliveryClosedError, DeliveryProofError
from issuance.delivery.models import Delivery, DeliveryState
from issuance.enrolment.repository import move
from issuance.errors import ForbiddenTransitionError, NotFoundError
from issuance.identifiers import Randomness, new_identifier
from issuance.lifecycle.cards import get_card, move_card
from issuance.lifecycle.certificates import Certificates
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import (
    APPLICATION,
    CARD,
    ApplicationEvent,
    ApplicationState,
    CardEvent,
    CardState,
)
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production.cardsecrets import issuer_secrets
from issuance.production.personalisation import check_signature
from pki.clock import Clock
from pki.errors import StatusError
from pki.keys.masterkeys import MasterKey
from pki.profiles import Profile

_LOG = logging.getLogger(__name__)

LIFE = timedelta(minutes=15)
MAX_TRIES = 5
_CHALLENGE_BYTES = 32
MAX_SIGNATURE_BYTES = 512  # RSA-4096


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
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._database = database
        self._audit = audit
        self._certificates = certificates
        self._card_key = card_key
        self._clock = clock
        self._randomness = randomness

    def open(self, actor: Actor, number: str) -> OpenDelivery:
        """Begins handing a produced card over; an earlier attempt is closed.

        Raises NotFoundError or ForbiddenTransitionError.
        """
        actor.require(Role.CLERK, Role.SUPERVISOR)
        self.finish_proven()
        now = self._clock()
        with self._database.writing() as session:
            card = get_card(session, number)
            CARD.after(CardState(card.state), CardEvent.DELIVER)
            # A produced card may still have to be inspected.
            APPLICATION.after(ApplicationState(card.application.state), ApplicationEvent.DELIVER)
            _close_earlier(session, card)
            delivery = Delivery(
                id=new_identifier(self._randomness),
                card_number=card.card_number,
                state=DeliveryState.OPEN.value,
                challenge=self._randomness(_CHALLENGE_BYTES),
                tries_left=MAX_TRIES,
                opened_by=actor.username,
                opened_at=now,
                expires_at=now + LIFE,
            )
            session.add(delivery)
            self._audit.record(session, actor.username, "delivery.opened", f"card:{card.card_number}")
        secrets = issuer_secrets(self._card_key, int(delivery.card_number))
        return OpenDelivery(delivery.id, delivery.card_number, secrets.transport_pin, delivery.challenge)

    def complete(self, actor: Actor, delivery_id: str, signature: bytes) -> None:
        """Checks the card's answer and activates its certificates. Asking again after success is no error.

        Raises NotFoundError, DeliveryClosedError or DeliveryProofError.
        """
        actor.require(Role.CLERK, Role.SUPERVISOR)
        tries_left = self._prove(actor, delivery_id, signature)
        if tries_left is not None:
            raise DeliveryProofError(tries_left)
        self._activate(delivery_id)

    def finish_proven(self) -> int:
        """Activates what was proven before a crash; returns how many cards that were."""
        with self._database.reading() as session:
            query = select(Delivery.id).where(Delivery.state == DeliveryState.PROVEN)
            waiting = list(session.scalars(query))
        for delivery_id in waiting:
            try:
                self._activate(delivery_id)
            except StatusError as error:
                # Revoked meanwhile at the authority: never goes live, and no other card waits for it.
                _LOG.error("delivery %s given up: %s", delivery_id, type(error).__name__)
                self._give_up(delivery_id)
        return len(waiting)

    def _give_up(self, delivery_id: str) -> None:
        with self._database.writing() as session:
            delivery = _get(session, delivery_id)
            delivery.state = DeliveryState.CLOSED.value
            subject = f"card:{delivery.card_number}"
            self._audit.record(session, delivery.opened_by, "delivery.given-up", subject)

    def _prove(self, actor: Actor, delivery_id: str, signature: bytes) -> int | None:
        """Records that the card has answered; returns the tries left when its answer is wrong."""
        with self._database.writing() as session:
            delivery = _get(session, delivery_id)
            if delivery.state in {DeliveryState.PROVEN, DeliveryState.COMPLETED}:
                return None
            if delivery.state != DeliveryState.OPEN or delivery.expires_at <= self._clock():
                raise DeliveryClosedError
            CARD.after(CardState(delivery.card.state), CardEvent.DELIVER)
            if not _answers(delivery, signature):
                return _count_failure(delivery)
            delivery.state, delivery.proven_at = DeliveryState.PROVEN.value, self._clock()
            subject = f"card:{delivery.card_number}"
            self._audit.record(session, actor.username, "delivery.proven", subject)
        return None

    def _activate(self, delivery_id: str) -> None:
        with self._database.writing() as session:
            delivery = _get(session, delivery_id)
            if delivery.state != DeliveryState.PROVEN:
                return
            card = delivery.card
            delivery.state = DeliveryState.COMPLETED.value
            try:
                move_card(card, CardEvent.DELIVER)
            except ForbiddenTransitionError:  # revoked between proof and activation
                delivery.state = DeliveryState.CLOSED.value
                return
            card.delivered_at = delivery.proven_at
            move(card.application, ApplicationEvent.DELIVER)
            subject = f"card:{card.card_number}"
            self._audit.record(session, delivery.opened_by, "card.delivered", subject)
            session.flush()
            # Last before the commit: if the commit is lost, the proof is on record and this runs again.
            self._certificates.activate(card.certificates, delivery.opened_by, "card delivered")


def _get(session: Session, delivery_id: str) -> Delivery:
    delivery = session.get(Delivery, delivery_id)
    if delivery is None:
        raise NotFoundError("delivery")
    return delivery


def _close_earlier(session: Session, card: Card) -> None:
    query = select(Delivery).where(
        Delivery.card_number == card.card_number, Delivery.state == DeliveryState.OPEN
    )
    for earlier in session.scalars(query):
        earlier.state = DeliveryState.CLOSED.value
    session.flush()


def _count_failure(delivery: Delivery) -> int:
    delivery.tries_left -= 1
    if delivery.tries_left == 0:
        delivery.state = DeliveryState.CLOSED.value
    return delivery.tries_left


def _answers(delivery: Delivery, signature: bytes) -> bool:
    certificates = delivery.card.certificates
    (der,) = [row.der for row in certificates if row.profile == Profile.AUTHENTICATION.value]
    key = x509.load_der_x509_certificate(der).public_key()
    if len(signature) > MAX_SIGNATURE_BYTES or not isinstance(
        key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)
    ):
        return False
    try:
        check_signature(key, signature, delivery.challenge, SHA256())
    except InvalidSignature:
        return False
    return True
