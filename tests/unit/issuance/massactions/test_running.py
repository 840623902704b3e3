"""Keys are held part by part and released; whatever is cut off goes on, and nobody else's hold is lost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from issuance.lifecycle.models import Card
from issuance.massactions.applying import HELD_BY_OTHERS, HELD_ELSEWHERE, STOPPED, UNKNOWN
from issuance.massactions.closing import close_ended, close_rekeyed, require_not_held
from issuance.massactions.errors import CardHeldError
from issuance.massactions.models import MassPart
from issuance.massactions.states import ActionState, ItemState
from issuance.massactions.views import lines_of
from pki.authority.transitions import Change, Standing
from pki.errors import PreviewMismatchError, SecondOfficerError, SelectionError
from pki.massactions.delegated import DelegatedActions, Delegation
from pki.massactions.rows import PROPOSAL_LIFE
from pki.massactions.service import MassActions
from pki.massactions.values import Kind, State
from pki.status.state import Hold, RevocationReason, Status
from tests.unit.issuance.massactions.crisis import (
    FIRST,
    PART,
    REVOKED,
    SECOND,
    THIRD,
    UNDELIVERED,
    Batch,
    Crisis,
)
from tests.unit.pki.massactions.world import GOOD


def suspension(hold: Hold) -> Change:
    return Change(Status.ON_HOLD, RevocationReason.CERTIFICATE_HOLD, "suspended", "x", "-", hold)


def resumption(hold: Hold) -> Change:
    return Change(Status.GOOD, None, "resumed", "x", "-", hold)


def revocation() -> Change:
    return Change(Status.REVOKED, RevocationReason.KEY_COMPROMISE, "revoked", "x", "-")


COMMITS = 26
"""Of a run over eight keys, its reads among them; lifting has as many."""


class PowerCutError(Exception):
    """The process is gone."""


@contextmanager
def cut_at_commit(number: int) -> Iterator[list[int]]:
    """The process dies as the commit of this number, of either database, is about to happen.

    So each commit is the last one once. The list has how many there were.
    """
    seen = [0]

    def before(_session: Session) -> None:
        seen[0] += 1
        if seen[0] == number:
            raise PowerCutError

    event.listen(Session, "before_commit", before)
    try:
        yield seen
    finally:
        event.remove(Session, "before_commit", before)


def test_a_batch_is_held_told_and_released(crisis: Crisis) -> None:
    batch, other = crisis.issue(5), crisis.issue(1)
    action = crisis.confirmed(batch)
    steps = list(crisis.runs.run(SECOND, action))
    done = steps[-1]
    assert (done.state, done.held, done.skipped) == (ActionState.HELD, 10, 0)
    assert [step.held for step in steps] == sorted(step.held for step in steps)
    assert done.parts >= 10 // PART
    assert crisis.statuses(batch.serials) == {"on_hold"}
    assert crisis.statuses(other.serials) == {"good"}
    assert crisis.notices() == ["held"] * 5
    assert crisis.states(action) == {(ItemState.HELD, None)}
    lifted = crisis.lift(action)
    assert (lifted.state, lifted.released) == (ActionState.LIFTED, 10)
    assert crisis.statuses(batch.serials) == {"good"}
    assert crisis.states(action) == {(ItemState.LIFTED, None)}
    assert crisis.notices() == ["held"] * 5 + ["released"] * 5


def test_parts_are_the_authoritys(crisis: Crisis) -> None:
    """One transaction a shard on each side."""
    action = crisis.held(crisis.issue(5))
    with crisis.depot.database.reading() as session:
        ours = list(
            session.scalars(select(MassPart).where(MassPart.action_id == action).order_by(MassPart.part))
        )
    theirs = DelegatedActions(crisis.world.engine, crisis.clock).parts(1, 0)
    assert [(part.part, part.issuer, part.changed) for part in ours] == [
        (part.number, part.issuer, part.moved + part.reheld) for part in theirs
    ]


def test_who_waits_for_a_card_is_not_told_of_it(crisis: Crisis) -> None:
    batch = crisis.issue(2, standing=UNDELIVERED, state="produced")
    action = crisis.held(batch)
    assert {row.held_by for row in crisis.world.rows(batch.serials)} == {"officer"}
    crisis.lift(action)
    assert {(row.status, row.held_by) for row in crisis.world.rows(batch.serials)} == {
        ("on_hold", "delivery")
    }
    assert crisis.notices() == []


def test_what_was_revoked_or_held_by_officers_is_left_and_told(crisis: Crisis) -> None:
    gone = crisis.issue(1, standing=REVOKED)
    held = crisis.issue(1, standing=Standing(Status.ON_HOLD, Hold.OFFICER, None, activated=True))
    good = crisis.issue(1)
    joined = Batch(good.id, [], [])
    with crisis.depot.database.writing() as session:
        for batch in (gone, held):
            session.execute(
                text("UPDATE key_provenance SET body_batch = :to WHERE body_batch = :from"),
                {"to": good.id, "from": batch.id},
            )
    action = crisis.held(joined)
    report = crisis.actions.report(FIRST, action)
    assert report.states == {"held": 2, "skipped": 4}
    assert report.failures == {"revoked": 2, HELD_BY_OTHERS: 2}
    assert crisis.notices() == ["held"]
    crisis.lift(action)
    assert crisis.statuses(held.serials) == {"on_hold"}
    assert crisis.statuses(good.serials) == {"good"}


@pytest.mark.parametrize("before", [True, False])
def test_a_card_that_is_suspended_for_another_cause_stays_so(crisis: Crisis, before: bool) -> None:
    batch = crisis.issue(3)
    lost, *others = batch.serials
    if before:
        crisis.world.change(lost, suspension(Hold.REGISTRY))
    action = crisis.held(batch)
    if not before:
        crisis.world.change(lost, suspension(Hold.REGISTRY))
    crisis.lift(action)
    assert crisis.world.statuses([lost]) == ["on_hold"]
    assert crisis.statuses(others) == {"good"}


def test_two_actions_over_one_key_hold_it_until_both_are_lifted(crisis: Crisis) -> None:
    batch = crisis.issue(2)
    one, other = crisis.held(batch), crisis.held(batch)
    assert crisis.states(other) == {(ItemState.HELD, None)}
    assert crisis.notices() == ["held"] * 4
    crisis.lift(one)
    assert crisis.states(one) == {(ItemState.LIFTED, HELD_ELSEWHERE)}
    assert crisis.statuses(batch.serials) == {"on_hold"}
    crisis.lift(other)
    assert crisis.statuses(batch.serials) == {"good"}


def test_what_is_held_anew_while_it_is_lifted_is_released_in_another_round(crisis: Crisis) -> None:
    batch = crisis.issue(5)
    action = crisis.held(batch)
    crisis.actions.propose_lift(FIRST, action, "sound")
    crisis.actions.confirm_lift(SECOND, action)
    last = batch.serials[-1]
    steps = crisis.runs.run(SECOND, action)
    next(steps)
    next(steps)  # the first part is released; then a clerk suspends and resumes nothing: a hold under ours
    crisis.world.change(last, suspension(Hold.REGISTRY))
    assert list(steps)[-1].state is ActionState.LIFTED
    assert crisis.states(action) == {(ItemState.LIFTED, None)}
    (row,) = crisis.world.rows([last])
    assert (row.status, row.held_by) == ("on_hold", "registry")


@pytest.mark.parametrize("number", range(1, COMMITS + 1))
def test_whatever_is_cut_off_goes_on(crisis: Crisis, number: int) -> None:
    """At each commit of either database; holding and lifting."""
    batch = crisis.issue(4)
    action = crisis.confirmed(batch)
    cut = _cut(crisis, number, lambda: crisis.run(action))
    assert crisis.run(action).state is ActionState.HELD if cut else True
    _check_held(crisis, action, batch)
    crisis.actions.propose_lift(FIRST, action, "sound")
    crisis.actions.confirm_lift(SECOND, action)
    _cut(crisis, number, lambda: crisis.run(action))
    if crisis.actions.view(FIRST, action).state is ActionState.LIFTING:
        crisis.run(action)
    assert crisis.statuses(batch.serials) == {"good"}
    assert crisis.states(action) == {(ItemState.LIFTED, None)}
    assert crisis.notices() == ["held"] * 4 + ["released"] * 4
    report = crisis.actions.report(FIRST, action)
    assert (report.progress.held, report.progress.released) == (8, 8)


def _cut(crisis: Crisis, number: int, do: Callable[[], object]) -> bool:
    """Whether it was cut off before its end."""
    with cut_at_commit(number), suppress(PowerCutError):
        do()
    return any(
        view.state in {ActionState.CONFIRMED, ActionState.HOLDING} for view in crisis.actions.latest(FIRST)
    )


def _check_held(crisis: Crisis, action: str, batch: Batch) -> None:
    assert crisis.actions.view(FIRST, action).state is ActionState.HELD
    assert crisis.statuses(batch.serials) == {"on_hold"}
    assert crisis.states(action) == {(ItemState.HELD, None)}
    assert crisis.notices() == ["held"] * 4
    assert crisis.actions.report(FIRST, action).progress.held == 8


def test_there_are_as_many_commits(crisis: Crisis) -> None:
    action = crisis.confirmed(crisis.issue(4))
    with cut_at_commit(0) as seen:
        crisis.run(action)
    assert seen == [COMMITS]


def test_two_that_run_at_once_share_it(crisis: Crisis) -> None:
    batch = crisis.issue(4)
    action = crisis.confirmed(batch)
    one, other = crisis.runs.run(SECOND, action), crisis.runs.run(THIRD, action)
    left = [one, other]
    while left:
        for steps in list(left):
            if next(steps, None) is None:
                left.remove(steps)
    _check_held(crisis, action, batch)


def test_running_again_changes_nothing(crisis: Crisis) -> None:
    batch = crisis.issue(4)
    action = crisis.held(batch)
    again = list(crisis.runs.carry_out(SECOND.username, action))
    assert again == []
    _check_held(crisis, action, batch)


def test_a_certificate_that_the_authority_does_not_know_stops_no_other(crisis: Crisis) -> None:
    batch = crisis.issue(2)
    with crisis.depot.database.writing() as session:
        session.execute(
            text("UPDATE key_provenance SET serial = :s WHERE slot = '9C' AND card_number = :c"),
            {"s": (1 << 126).to_bytes(16, "big"), "c": batch.cards[0]},
        )
    action = crisis.held(batch)
    assert crisis.states(action) == {(ItemState.HELD, None), (ItemState.SKIPPED, UNKNOWN)}


def test_only_certificates_that_the_authority_does_not_know(crisis: Crisis) -> None:
    batch = crisis.issue(1)
    with crisis.depot.database.writing() as session:
        for number, slot in enumerate(("9A", "9C")):
            session.execute(
                text("UPDATE key_provenance SET serial = :serial WHERE slot = :slot"),
                {"serial": ((1 << 126) + number).to_bytes(16, "big"), "slot": slot},
            )
    action = crisis.held(batch)
    assert crisis.states(action) == {(ItemState.SKIPPED, UNKNOWN)}
    assert crisis.lift(action).state is ActionState.LIFTED


def test_officers_pause_and_end_it_at_the_authority(crisis: Crisis) -> None:
    batch = crisis.issue(5)
    action = crisis.confirmed(batch)
    officers = MassActions(crisis.world.engine, crisis.clock, PART)
    steps = crisis.runs.run(SECOND, action)
    next(steps)
    first = next(steps)
    officers.pause(1, "officer-a")
    assert list(steps)[-1].state is ActionState.HOLDING
    officers.cancel(1, "officer-a")
    assert crisis.run(action).state is ActionState.HELD
    assert crisis.states(action) == {(ItemState.HELD, None), (ItemState.SKIPPED, STOPPED)}
    assert crisis.actions.report(FIRST, action).states["held"] == first.held


def test_an_action_that_was_cut_off_for_days_goes_on(crisis: Crisis) -> None:
    batch = crisis.issue(4)
    action = crisis.held(batch)
    crisis.actions.propose_lift(FIRST, action, "sound")
    crisis.actions.confirm_lift(SECOND, action)
    steps = crisis.runs.run(SECOND, action)
    next(steps)
    next(steps)
    del steps
    crisis.world.now += PROPOSAL_LIFE + timedelta(days=1)
    with crisis.world.engine.begin() as connection:  # certificates of a day would have ended meanwhile
        connection.execute(text("UPDATE certificates SET not_after = not_after + 86400 * 30"))
    assert crisis.run(action).state is ActionState.LIFTED
    assert crisis.statuses(batch.serials) == {"good"}


def test_what_officers_released_meanwhile_is_asked_for_anew(crisis: Crisis) -> None:
    """More would be held than the authority was told of."""
    batch = crisis.issue(4)
    crisis.world.change(batch.serials[-1], suspension(Hold.OFFICER))
    action = crisis.confirmed(batch)
    steps = crisis.runs.run(SECOND, action)
    next(steps)
    next(steps)
    del steps
    crisis.world.change(batch.serials[-1], resumption(Hold.OFFICER))
    assert crisis.run(action).state is ActionState.HELD
    assert crisis.statuses(batch.serials) == {"on_hold"}


def test_a_key_that_is_made_anew_leaves_the_action(crisis: Crisis) -> None:
    batch = crisis.issue(2)
    action = crisis.held(batch)
    number = batch.cards[0]
    for slot, more in (("9A", ["held"] * 2), ("9C", ["held"] * 2 + ["rekeyed"])):
        with crisis.depot.database.writing() as session:
            require_held(session, number)
            close_rekeyed(session, session.get_one(Card, number), slot, 1, crisis.clock())
        assert crisis.notices() == more
    with crisis.depot.database.reading() as session:
        require_not_held(session, number)
        with pytest.raises(CardHeldError):
            require_not_held(session, batch.cards[1])
    assert crisis.actions.report(FIRST, action).states == {"held": 2, "rekeyed": 2}
    for serial in (batch.serials[0], batch.serials[2]):
        crisis.world.change(serial, revocation())  # as a renewal does
    assert crisis.lift(action).released == 2
    assert crisis.actions.report(FIRST, action).states == {"lifted": 2, "rekeyed": 2}


def require_held(session: Session, number: str) -> None:
    with pytest.raises(CardHeldError):
        require_not_held(session, number)


def test_a_new_key_is_not_closed_with_the_old_ones(crisis: Crisis) -> None:
    """An action that was proposed after the renewal, over the new key."""
    batch = crisis.issue(1)
    action = crisis.held(batch)
    with crisis.depot.database.writing() as session:
        close_rekeyed(session, session.get_one(Card, batch.cards[0]), "9A", batch.serials[0], crisis.clock())
    assert crisis.states(action) == {(ItemState.HELD, None)}


def test_a_card_that_ends_leaves_the_action(crisis: Crisis) -> None:
    batch = crisis.issue(2)
    action = crisis.held(batch)
    with crisis.depot.database.writing() as session:
        close_ended(session, batch.cards[0])
    assert crisis.actions.report(FIRST, action).states == {"held": 2, "ended": 2}


def test_what_was_revoked_at_the_authority_alone_ends_with_the_lifting(crisis: Crisis) -> None:
    batch = crisis.issue(1)
    action = crisis.held(batch)
    crisis.world.change(batch.serials[0], revocation())
    assert crisis.lift(action).state is ActionState.LIFTED
    assert crisis.states(action) == {(ItemState.LIFTED, None), (ItemState.ENDED, None)}


def test_the_report_names_each_key(crisis: Crisis) -> None:
    batch = crisis.issue(3)
    action = crisis.held(batch)
    with crisis.depot.database.reading() as session:
        lines = list(lines_of(session, action))
    assert {int(line.serial, 16) for line in lines} == set(batch.serials)
    assert {line.card_number for line in lines} == set(batch.cards)
    assert {line.state for line in lines} == {ItemState.HELD}


ORDER = Delegation("reference 1", Kind.HOLD, "note", "officer-a", "officer-b")


def test_the_authority_knows_a_reference_again(crisis: Crisis) -> None:
    batch = crisis.issue(2)
    authority = DelegatedActions(crisis.world.engine, crisis.clock, PART)
    action = authority.begin(ORDER, iter(batch.serials))
    assert authority.begin(ORDER, iter([])) == action
    assert (action.proposed_by, action.approved_by, action.state) == (
        "officer-a",
        "officer-b",
        State.APPROVED,
    )
    MassActions(crisis.world.engine, crisis.clock).check(action.number)


@pytest.mark.parametrize(
    ("order", "refusal"),
    [
        (Delegation("r", Kind.HOLD, "note", "officer-1", "officer-l"), SecondOfficerError),
        (Delegation("r", Kind.HOLD, "note", "Officer A", "officer-b"), SelectionError),
        (Delegation("r", Kind.HOLD, "", "officer-a", "officer-b"), SelectionError),
        (Delegation("r", Kind.REVOKE, "note", "officer-a", "officer-b"), SelectionError),
    ],
)
def test_what_the_authority_does_not_take(
    crisis: Crisis, order: Delegation, refusal: type[Exception]
) -> None:
    batch = crisis.issue(1)
    authority = DelegatedActions(crisis.world.engine, crisis.clock, PART)
    with pytest.raises(refusal):
        authority.begin(order, iter(batch.serials))
    with pytest.raises(SelectionError):
        authority.begin(ORDER, iter([1, 2, 3]))
    assert MassActions(crisis.world.engine).actions() == []


def test_targets_that_were_changed_are_found_out(crisis: Crisis) -> None:
    batch = crisis.issue(2)
    action = crisis.confirmed(batch)
    steps = crisis.runs.run(SECOND, action)
    next(steps)
    next(steps)
    del steps
    with crisis.world.engine.begin() as connection:
        connection.execute(text("DELETE FROM mass_action_targets"))
    with pytest.raises(PreviewMismatchError):
        crisis.run(action)
    assert crisis.actions.view(FIRST, action).state is ActionState.HOLDING


def test_good_is_the_standing_that_cards_begin_with(crisis: Crisis) -> None:
    assert crisis.world.statuses(crisis.issue(1, standing=GOOD).serials) == ["good", "good"]
