"""What was decided of a card and is not done yet: recorded first, so that no crash leaves it half done."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from issuance.audit import Audit, AuditEntry
from issuance.errors import ForbiddenTransitionError
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.lives import CARD
from issuance.lifecycle.models import Card, CardDecision
from issuance.lifecycle.states import CardEvent, CardState

_DECIDED = "card.decided"
_SINCE = (_DECIDED, "card.suspended", "card.resumed", "card.revoked", "card.decision-dropped")
"""What is told of a decision, and of what became of it."""


def add_decision(
    session: Session,
    audit: Audit,
    card: Card,
    event: CardEvent,
    by: str,
    at: datetime,
    reason: str | None = None,
    check_id: str | None = None,
) -> None:
    """Records it, once for a card at a time, in the chain too. Raises ForbiddenTransitionError."""
    CARD.after(CardState(card.state), event)
    if is_decided(session, card):
        raise ForbiddenTransitionError("card", card.state, event)
    decision = CardDecision(
        card_number=card.card_number,
        event=event.value,
        reason=reason,
        check_id=check_id,
        decided_by=by,
        decided_at=at,
    )
    session.add(decision)
    audit.record(session, by, _DECIDED, f"card:{card.card_number}", _told(decision))


def is_on_record(session: Session, decision: CardDecision) -> bool:
    """Whether the chain tells of this decision, by its operator, and of nothing that was done since."""
    query = select(AuditEntry).where(
        AuditEntry.subject == f"card:{decision.card_number}", AuditEntry.action.in_(_SINCE)
    )
    last = session.scalar(query.order_by(AuditEntry.sequence.desc()).limit(1))
    return (
        last is not None
        and (last.action, last.actor) == (_DECIDED, decision.decided_by)
        and last.details == _told(decision)
    )


def _told(decision: CardDecision) -> dict[str, str]:
    said = {"event": decision.event, "reason": decision.reason, "check": decision.check_id}
    return {name: value for name, value in said.items() if value is not None}


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
