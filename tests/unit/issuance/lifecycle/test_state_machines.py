"""The arrows, all of them; and that walking at random never leaves the rules."""

from enum import StrEnum
from itertools import product

import pytest
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st

from issuance.database import MIGRATIONS
from issuance.errors import ForbiddenTransitionError
from issuance.lifecycle.lives import CARD
from issuance.lifecycle.states import (
    APPLICATION,
    LIVE_CARD_STATES,
    OPEN_APPLICATION_STATES,
    ApplicationEvent,
    ApplicationState,
    CardEvent,
    CardState,
    StateMachine,
)

A, AE, C, CE = ApplicationState, ApplicationEvent, CardState, CardEvent

CARD_ARROWS = {
    (C.IN_PRODUCTION, CE.FINISH, C.PRODUCED),
    (C.IN_PRODUCTION, CE.VOID, C.VOIDED),
    (C.PRODUCED, CE.VOID, C.VOIDED),
    (C.PRODUCED, CE.DELIVER, C.ACTIVE),
    (C.PRODUCED, CE.REVOKE, C.REVOKED),
    (C.ACTIVE, CE.SUSPEND, C.SUSPENDED),
    (C.ACTIVE, CE.REVOKE, C.REVOKED),
    (C.SUSPENDED, CE.RESUME, C.ACTIVE),
    (C.SUSPENDED, CE.REVOKE, C.REVOKED),
}


def arrows_of(machine: StateMachine[CardState, CardEvent]) -> set[tuple[CardState, CardEvent, CardState]]:
    return {(state, event, target) for (state, event), target in machine.arrows.items()}


def test_the_cards_arrows_are_these_and_no_others() -> None:
    assert arrows_of(CARD) == CARD_ARROWS


@pytest.mark.parametrize(("state", "event"), list(product(CardState, CardEvent)))
def test_every_pair_is_an_arrow_or_refused(state: CardState, event: CardEvent) -> None:
    if CARD.allows(state, event):
        assert (state, event, CARD.after(state, event)) in CARD_ARROWS
        return
    with pytest.raises(ForbiddenTransitionError) as refused:
        CARD.after(state, event)
    assert (refused.value.what, refused.value.state, refused.value.event) == ("card", state, event)


@pytest.mark.parametrize("state", [A.REFUSED, A.DELIVERED])
def test_an_ended_application_stays_ended(state: ApplicationState) -> None:
    assert not any(APPLICATION.allows(state, event) for event in ApplicationEvent)
    assert state not in OPEN_APPLICATION_STATES


@pytest.mark.parametrize("state", [C.REVOKED, C.VOIDED])
def test_an_ended_card_stays_ended(state: CardState) -> None:
    assert not any(CARD.allows(state, event) for event in CardEvent)
    assert state not in LIVE_CARD_STATES


@given(st.lists(st.sampled_from(CardEvent)))
def test_no_walk_makes_a_card_active_that_was_not_delivered(events: list[CardEvent]) -> None:
    state, delivered = C.IN_PRODUCTION, False
    for event in events:
        if CARD.allows(state, event):
            state = CARD.after(state, event)
            delivered = delivered or event is CE.DELIVER
        assert delivered or state not in {C.ACTIVE, C.SUSPENDED}


@given(st.lists(st.sampled_from(ApplicationEvent)))
def test_no_walk_produces_what_was_not_approved(events: list[ApplicationEvent]) -> None:
    state, approved = A.DRAFT, False
    for event in events:
        if APPLICATION.allows(state, event):
            state = APPLICATION.after(state, event)
            approved = approved or event is AE.APPROVE
        assert approved or state not in {A.APPROVED, A.IN_PRODUCTION, A.INSPECTION, A.READY, A.DELIVERED}


def reachable(machine: StateMachine[StrEnum, StrEnum], start: StrEnum) -> set[StrEnum]:
    found, new = {start}, {start}
    while new:
        new = {target for (state, _), target in machine.arrows.items() if state in new} - found
        found |= new
    return found


def test_every_state_can_be_reached() -> None:
    assert reachable(APPLICATION, A.DRAFT) == set(ApplicationState)  # type: ignore[arg-type]
    assert reachable(CARD, C.IN_PRODUCTION) == set(CardState)  # type: ignore[arg-type]


def test_the_database_knows_the_arrows_of_applications() -> None:
    migration = ScriptDirectory(str(MIGRATIONS)).get_revision("0023").module
    ways = {(before, after) for (before, _), after in APPLICATION.arrows.items() if before is not after}
    assert set(migration._ARROWS) == ways
    decisions = {ApplicationEvent.APPROVE, ApplicationEvent.REFUSE, ApplicationEvent.RETURN}
    decided = {(before, after) for (before, event), after in APPLICATION.arrows.items() if event in decisions}
    assert set(migration._DECIDING) == decided
