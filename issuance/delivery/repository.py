"""Deliveries and checks in the database."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from issuance.delivery.models import Delivery, IdentityCheck, Recall
from issuance.delivery.states import DELIVERY, CheckOutcome, DeliveryEnd, DeliveryEvent, DeliveryState
from issuance.errors import ForbiddenTransitionError, NotFoundError
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.lives import CARD
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import (
    APPLICATION,
    ApplicationEvent,
    ApplicationState,
    CardEvent,
    CardState,
)
from issuance.operators.service import Actor
from issuance.production.models import Production
from issuance.production.steps import ProductionState


def card_to_hand_over(session: Session, actor: Actor, number: str, *, locked: bool = True) -> Card:
    """The card, kept from others where `locked`, if it waits in the operator's office for its person.

    One that has proven that its person has it waits no more, even while the authority is away. Raises
    NotFoundError or ForbiddenTransitionError.
    """
    card = get_card(session, number)
    if locked:
        session.refresh(card, with_for_update=True)
    actor.require_office(card.application.office, "card")
    require_waiting(session, card)
    proven = select(Delivery.id).where(
        Delivery.card_number == card.card_number, Delivery.state == DeliveryState.PROVEN
    )
    if session.scalar(proven) is not None:
        # Certificates may be good by now: what stops such a card is its revocation.
        raise ForbiddenTransitionError("delivery", DeliveryState.PROVEN.value, CardEvent.DELIVER.value)
    return card


def require_waiting(session: Session, card: Card) -> None:
    """Nothing says that this card is not to go to its person. Raises ForbiddenTransitionError."""
    CARD.after(CardState(card.state), CardEvent.DELIVER)
    # A produced card may still have to be inspected.
    APPLICATION.after(ApplicationState(card.application.state), ApplicationEvent.DELIVER)
    voiding = select(Production.id).where(
        Production.card_number == card.card_number, Production.state == ProductionState.VOIDING
    )
    if session.scalar(voiding) is not None:
        raise ForbiddenTransitionError("production", ProductionState.VOIDING.value, CardEvent.DELIVER.value)
    recall = session.get(Recall, card.card_number)
    if recall is not None and recall.returned_at is not None:
        raise ForbiddenTransitionError("card", "returned", CardEvent.DELIVER.value)


def get_delivery(session: Session, delivery_id: str) -> Delivery:
    """The delivery. Raises NotFoundError."""
    delivery = session.get(Delivery, delivery_id)
    if delivery is None:
        raise NotFoundError("delivery")
    return delivery


def move_delivery(delivery: Delivery, event: DeliveryEvent) -> None:
    """Follows an arrow of the state machine. Raises ForbiddenTransitionError."""
    delivery.state = DELIVERY.after(DeliveryState(delivery.state), event).value


def close_delivery(delivery: Delivery, end: DeliveryEnd) -> None:
    """Ends it without the card going live."""
    move_delivery(delivery, DeliveryEvent.CLOSE)
    delivery.closed_for = end.value


def close_open(session: Session, number: str, end: DeliveryEnd) -> None:
    """Closes the card's open delivery, if there is one."""
    query = select(Delivery).where(Delivery.card_number == number, Delivery.state == DeliveryState.OPEN)
    for earlier in session.scalars(query):
        close_delivery(earlier, end)
    session.flush()


def last_check(session: Session, number: str) -> IdentityCheck | None:
    """The card's newest check."""
    query = select(IdentityCheck).where(IdentityCheck.card_number == number)
    newest = query.order_by(IdentityCheck.checked_at.desc(), IdentityCheck.id.desc()).limit(1)
    return session.scalar(newest)


def is_good(check: IdentityCheck | None, actor: Actor, since: datetime) -> bool:
    """Whether a delivery may go by it: passed before the same operator, not before `since`."""
    return (
        check is not None
        and check.outcome == CheckOutcome.PASSED
        and check.checked_by == actor.username
        and check.checked_at >= since
    )


def failed_checks(session: Session, number: str) -> int:
    """How many checks of the card's person failed."""
    query = select(func.count()).where(
        IdentityCheck.card_number == number, IdentityCheck.outcome == CheckOutcome.FAILED.value
    )
    return session.scalar(query) or 0
