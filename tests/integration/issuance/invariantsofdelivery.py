"""What must always hold of cards that wait for their people, are refused or recalled, and of stopped ones."""

from collections import Counter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from issuance.delivery.models import Delivery, IdentityCheck, Recall
from issuance.delivery.states import CheckOutcome, CheckPurpose, DeliveryState
from issuance.enrolment.kinds import RULES
from issuance.lifecycle.models import Card, Suspension
from issuance.lifecycle.states import CardState
from issuance.production.models import Production
from issuance.production.steps import ProductionState

_ENDED = frozenset({CardState.VOIDED, CardState.REVOKED})


def check_handing_over(session: Session) -> None:
    """At any moment."""
    voiding = set(session.scalars(select(Production.card_number).where(_is_voiding)))
    _delivered_by_a_delivery(session)
    _recalled_cards_go_to_nobody(session, voiding)
    _failed_checks_end_a_card(session, voiding)
    _stopped_means_a_stop_on_record(session)


_is_voiding = Production.state == ProductionState.VOIDING


def _delivered_by_a_delivery(session: Session) -> None:
    """Each card that was handed over by one delivery, after a check that was passed before who did it."""
    done = select(Delivery).where(Delivery.state == DeliveryState.COMPLETED)
    completed = {delivery.card_number: delivery for delivery in session.scalars(done)}
    handed_over = set(session.scalars(select(Card.card_number).where(Card.delivered_at.is_not(None))))
    assert handed_over == set(completed)
    count = select(func.count()).where(Delivery.state == DeliveryState.COMPLETED)
    assert session.scalar(count) == len(completed), "a card was handed over twice"
    for delivery in completed.values():
        check = session.get_one(IdentityCheck, delivery.identity_check_id)
        assert (check.outcome, check.checked_by) == (CheckOutcome.PASSED, delivery.opened_by)
        assert check.card_number == delivery.card_number
    spent = select(Delivery).where(Delivery.tries_left == 0)
    assert {delivery.state for delivery in session.scalars(spent)} <= {DeliveryState.CLOSED}


def _recalled_cards_go_to_nobody(session: Session, voiding: set[str | None]) -> None:
    """What was taken back is with nobody, and what was ended has ended or is about to."""
    for recall in session.scalars(select(Recall).where(Recall.returned_at.is_not(None))):
        card = session.get_one(Card, recall.card_number)
        assert card.delivered_at is None
        assert card.state == CardState.PRODUCED or card.state in _ENDED
        underway = select(Delivery.id).where(
            Delivery.card_number == card.card_number,
            Delivery.state.in_([DeliveryState.OPEN, DeliveryState.PROVEN]),
        )
        assert session.scalar(underway) is None, "a recalled card is being handed over"
        if recall.ended_at is not None:
            assert recall.ended_by != recall.returned_by
            assert card.state in _ENDED or card.card_number in voiding


def _failed_checks_end_a_card(session: Session, voiding: set[str | None]) -> None:
    failed = select(IdentityCheck.card_number).where(
        IdentityCheck.outcome == CheckOutcome.FAILED, IdentityCheck.purpose == CheckPurpose.DELIVERY
    )
    for number, times in Counter(session.scalars(failed)).items():
        if times >= RULES.delivery.failed_checks:
            assert session.get_one(Card, number).state in _ENDED or number in voiding


def _stopped_means_a_stop_on_record(session: Session) -> None:
    stopped = set(session.scalars(select(Card.card_number).where(Card.state == CardState.SUSPENDED)))
    assert stopped == set(
        session.scalars(select(Suspension.card_number).where(Suspension.ended_at.is_(None)))
    )
