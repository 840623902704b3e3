"""Cards that are somewhere along their way, brought there by the arrows that the database insists on."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from issuance.delivery.models import Delivery, IdentityCheck
from issuance.enrolment.confirmation import latest_answer
from issuance.enrolment.models import RegisterAnswer
from issuance.lifecycle.lives import CARD
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import CardEvent, CardState


def bring(session: Session, card: Card, operator: str) -> None:
    """Adds the card, then leads it to the state that it was made with; `operator` hands it over."""
    target, cause = CardState(card.state), card.revocation_cause
    card.state, card.revocation_cause = CardState.IN_PRODUCTION.value, None
    session.add(card)
    session.flush()
    for state in _way(target):
        if state is CardState.ACTIVE:
            _hand_over(session, card, operator)
        if state is not target and state is CardState.ACTIVE:
            card.delivered_at = card.delivered_at or card.taken_at
        card.state = state.value
        card.revocation_cause = cause if state is target else None
        session.flush()
    card.revocation_cause = cause
    session.flush()


def _way(target: CardState) -> Iterator[CardState]:
    """The shortest, over a delivery where the card may have had one."""
    ways = {CardState.IN_PRODUCTION: [], CardState.PRODUCED: [CardState.PRODUCED]}
    ways[CardState.ACTIVE] = [*ways[CardState.PRODUCED], CardState.ACTIVE]
    events = {CardState.VOIDED: CardEvent.VOID, CardState.SUSPENDED: CardEvent.SUSPEND}
    events[CardState.REVOKED] = CardEvent.REVOKE
    if target in events:
        before = CardState.IN_PRODUCTION if target is CardState.VOIDED else CardState.ACTIVE
        ways[target] = [*ways[before], CARD.after(before, events[target])]
    return iter(ways[target])


def _hand_over(session: Session, card: Card, operator: str) -> None:
    answer = latest_answer(session, card.application_id)
    if answer is None:
        answer = RegisterAnswer(
            application_id=card.application_id,
            number=1,
            asked_at=card.taken_at,
            asked_by=operator,
            revision=1,
            taken_over=True,
            record={},
        )
        session.add(answer)
        session.flush()
    check = IdentityCheck(
        id=f"C{card.card_number}",
        card_number=card.card_number,
        application_id=card.application_id,
        outcome="passed",
        document="passport",
        register_answer=answer.number,
        checked_by=operator,
        checked_at=card.taken_at,
    )
    session.add(check)
    session.flush()
    delivery = Delivery(
        id=f"D{card.card_number}",
        card_number=card.card_number,
        state="completed",
        identity_check_id=check.id,
        check_outcome="passed",
        challenge=b"",
        signature=b"",
        tries_left=1,
        opened_by=operator,
        opened_at=card.taken_at,
        expires_at=card.taken_at,
        matched_at=card.taken_at,
        proven_at=card.taken_at,
    )
    session.add(delivery)
    session.flush()
