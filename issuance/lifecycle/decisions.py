"""What was decided of a card and is not done yet: recorded first, so that no crash leaves it half done."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from issuance.errors import ForbiddenTransitionError
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.lives import CARD
from issuance.lifecycle.models import Card, CardDecision
from issuance.lifecycle.states import CardEvent, CardState


def add_decision(
    session: Session,
    card: Card,
    event: CardEvent,
    by: str,
    at: datetime,
    reason: str | None = None,
    check_id: str | None = None,
) -> None:
    """Records it, once for a card at a time. Raises ForbiddenTransitionError."""
    CARD.after(CardState(card.state), event)
    if is_decided(session, card):
        raise ForbiddenTransitionError("card", card.state, event)
    session.add(
        CardDecision(
            card_number=card.card_number,
            event=event.value,
            reason=reason,
            check_id=check_id,
            decided_by=by,
            decided_at=at,
        )
    )


def is_decided(session: Session, card: Card) -> bool:
    """Whether something waits to be done with it."""
    return session.get(CardDecision, card.card_number) is not None


def locked_card(session: Session, number: str) -> Card:
    """The card, which nobody else decides about until the transaction ends. Raises NotFoundError."""
    card = get_card(session, number)
    session.refresh(card, with_for_update=True)
    return card


def take_decision(session: Session, number: str) -> CardDecision | None:
    """What waits to be done with the card; another server that looks meanwhile waits, and finds nothing."""
    return session.get(CardDecision, number, with_for_update=True)


def decided_cards(session: Session, until: datetime) -> list[str]:
    """The cards with which something waits to be done that was decided by then."""
    query = select(CardDecision.card_number).where(CardDecision.decided_at <= until)
    return list(session.scalars(query.order_by(CardDecision.decided_at, CardDecision.card_number)))
