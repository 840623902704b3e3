"""Cards in the database."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from issuance.errors import NotFoundError
from issuance.lifecycle.lives import CARD
from issuance.lifecycle.models import CARD_NUMBER_LENGTH, Card, Suspension
from issuance.lifecycle.states import LIVE_CARD_STATES, CardEvent, CardState
from issuance.registry.text import ascii_digits


def card_number(serial: int) -> str:
    """A body's serial as its card number."""
    return f"{serial:0{CARD_NUMBER_LENGTH}d}"


def get_card(session: Session, number: str) -> Card:
    """The card with that number, typed in any digits. Raises NotFoundError."""
    digits = ascii_digits(number)
    card = session.get(Card, digits) if len(digits) == CARD_NUMBER_LENGTH else None
    if card is None:
        raise NotFoundError("card")
    return card


def live_card_of(session: Session, national_code: str) -> Card | None:
    """The person's live card, if there is one."""
    return session.scalar(
        select(Card).where(Card.national_code == national_code, Card.state.in_(LIVE_CARD_STATES))
    )


def last_delivered_card_of(session: Session, national_code: str) -> Card | None:
    """The card that the person was handed last, whatever became of it."""
    handed = select(Card).where(Card.national_code == national_code, Card.delivered_at.is_not(None))
    return session.scalar(handed.order_by(Card.delivered_at.desc()).limit(1))


def cards_of(session: Session, application_id: str) -> list[Card]:
    """The cards made for an application, oldest first: more than one where a run was voided."""
    query = select(Card).where(Card.application_id == application_id).order_by(Card.taken_at)
    return list(session.scalars(query))


def open_suspension(session: Session, number: str) -> Suspension | None:
    """The one that keeps the card from working now."""
    query = select(Suspension).where(Suspension.card_number == number, Suspension.ended_at.is_(None))
    return session.scalar(query)


def move_card(card: Card, event: CardEvent) -> None:
    """Follows an arrow of the state machine. Raises ForbiddenTransitionError."""
    card.state = CARD.after(CardState(card.state), event).value
