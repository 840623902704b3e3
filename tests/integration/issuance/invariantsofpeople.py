"""What must always hold of people: of those who may be one, and of those who are erased."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from issuance.duplicates.models import DuplicateMatch, MatchDecision
from issuance.enrolment.authors import authors_of
from issuance.enrolment.models import Application
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import (
    LIVE_CARD_STATES,
    OPEN_APPLICATION_STATES,
    ApplicationState,
)
from issuance.massactions.models import MassItem
from issuance.massactions.states import OPEN_ITEMS
from issuance.people.models import Erasure
from issuance.production.models import OPEN_RENEWAL_STATES, Renewal
from issuance.registry.models import Citizen

_AFTER_APPROVAL = (
    ApplicationState.APPROVED,
    ApplicationState.IN_PRODUCTION,
    ApplicationState.INSPECTION,
    ApplicationState.READY,
    ApplicationState.DELIVERED,
)


def check_people(session: Session) -> None:
    """At any moment."""
    _who_may_be_another_was_judged(session)
    _the_erased_have_nothing_left(session)


def _who_may_be_another_was_judged(session: Session) -> None:
    """Nobody has a card while somebody says, or might say, that they have another one."""
    matches = select(DuplicateMatch).join(Application, Application.id == DuplicateMatch.application_id)
    for match in session.scalars(matches.where(Application.state.in_(_AFTER_APPROVAL))):
        assert match.decision == MatchDecision.OTHER
        assert match.decided_by not in authors_of(session, match.application_id)
    undecided = (
        select(func.count())
        .where(DuplicateMatch.application_id == Application.id, DuplicateMatch.decision.is_(None))
        .scalar_subquery()
    )
    miscounted = select(Application.id).where(Application.undecided_matches != undecided)
    assert session.scalars(miscounted).all() == []


def _the_erased_have_nothing_left(session: Session) -> None:
    """No live card, open application, held key or torn renewal; each is somebody else's code no more."""
    done = list(session.scalars(select(Erasure).where(Erasure.confirmed_by.is_not(None))))
    nobodies = {erasure.national_code for erasure in done}
    assert {code for code in session.scalars(select(Citizen.national_code)) if code.endswith("X")} == nobodies
    for erasure in done:
        assert erasure.replaced is None
        assert erasure.confirmed_by != erasure.requested_by
    for card in session.scalars(select(Card).where(Card.national_code.in_(nobodies))):
        assert card.state not in LIVE_CARD_STATES
        assert card.application.state not in OPEN_APPLICATION_STATES
        held = select(MassItem.serial).where(
            MassItem.card_number == card.card_number, MassItem.state.in_(OPEN_ITEMS)
        )
        torn = select(Renewal.id).where(
            Renewal.card_number == card.card_number, Renewal.state.in_(OPEN_RENEWAL_STATES)
        )
        assert session.scalar(held) is None
        assert session.scalar(torn) is None
