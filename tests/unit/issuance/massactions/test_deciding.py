"""Two people, what was previewed and nothing else; in the code and in the database."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from issuance.audit import AuditEntry
from issuance.errors import ForbiddenTransitionError, InvalidInputError, NotFoundError, RoleRequiredError
from issuance.massactions.errors import (
    MassBusyError,
    NothingSelectedError,
    OwnProposalError,
    ProposalOverError,
    SelectionChangedError,
)
from issuance.massactions.selection import MAX_CHOICES, KeySelection, read_selection
from issuance.massactions.service import MAX_TOLERANCE, PROPOSAL_LIFE
from issuance.massactions.states import ActionState
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.provenance.models import KeyType, Origin
from pki.auditchain import verify_table
from pki.errors import StoredValueError
from pki.keys.kinds import KeyKind
from pki.massactions.selection import Window
from tests.unit.issuance.massactions.crisis import FIRST, SECOND, Crisis
from tests.unit.pki.massactions.world import START

WHOLE = START.replace(microsecond=0)
EVERYTHING = KeySelection(
    body_batches=frozenset({"B"}),
    chip_types=frozenset({"P71"}),
    key_types=frozenset({KeyType.EC}),
    algorithms=frozenset({KeyKind.P256, KeyKind.RSA2048}),
    slots=frozenset({"9A"}),
    offices=frozenset({"1"}),
    stations=frozenset({"tehran-1"}),
    origins=frozenset({Origin.CARD}),
    made=Window(WHOLE, WHOLE + timedelta(days=1)),
)


def test_a_preview_counts_and_shows_no_person(crisis: Crisis) -> None:
    batch = crisis.issue(3)
    crisis.issue(2)
    shown = crisis.actions.preview(FIRST, batch.selection)
    assert (shown["keys"], shown["cards"]) == (6, 3)
    assert shown["algorithms"] == {"secp256r1": 3, "secp384r1": 3}
    assert shown["card_states"] == {"active": 6}
    assert shown["stations"] == {"-": 6}
    samples = shown["samples"]
    assert isinstance(samples, list)
    assert len(samples) == 6
    fields = {"serial", "slot", "algorithm", "chip_type", "office", "made_at"}
    assert all(isinstance(sample, dict) and set(sample) == fields for sample in samples)


@pytest.mark.parametrize(
    ("selection", "keys"),
    [
        (KeySelection(algorithms=frozenset({KeyKind.P384})), 5),
        (KeySelection(key_types=frozenset({KeyType.EC})), 10),
        (KeySelection(key_types=frozenset({KeyType.RSA})), 0),
        (KeySelection(slots=frozenset({"9A"}), offices=frozenset({"1"})), 5),
        (KeySelection(offices=frozenset({"2"})), 0),
        (KeySelection(chip_types=frozenset({"P71"})), 10),
        (KeySelection(stations=frozenset({"tehran-1"})), 0),
        (KeySelection(origins=frozenset({Origin.CARD})), 10),
        (KeySelection(origins=frozenset({Origin.IMPORTED})), 0),
        (KeySelection(made=Window(WHOLE - timedelta(days=40), WHOLE - timedelta(days=30))), 4),
        (KeySelection(made=Window(None, WHOLE - timedelta(days=39))), 0),
    ],
)
def test_what_selections_mean(crisis: Crisis, selection: KeySelection, keys: int) -> None:
    crisis.issue(2, made_at=START - timedelta(days=35))
    crisis.issue(3)
    assert crisis.actions.preview(FIRST, selection)["keys"] == keys


def test_dead_cards_and_replaced_keys_are_not_meant(crisis: Crisis) -> None:
    crisis.issue(1, state="revoked")
    crisis.issue(1, state="voided")
    live = crisis.issue(1, state="produced")
    with crisis.depot.database.writing() as session:
        session.execute(text("UPDATE key_provenance SET superseded_at = made_at WHERE slot = '9A'"))
    shown = crisis.actions.preview(FIRST, KeySelection(chip_types=frozenset({"P71"})))
    assert (shown["keys"], shown["body_batches"]) == (1, {live.id: 1})


def test_a_stored_selection_is_the_one_that_was_given() -> None:
    assert read_selection(EVERYTHING.canonical()) == EVERYTHING
    narrow = replace(EVERYTHING, made=Window(), stations=frozenset())
    assert read_selection(narrow.canonical()) == narrow


@pytest.mark.parametrize(
    "stored", ["", "[]", "{", '{"moon": []}', '{"algorithms": ["dsa"]}', '{"made": {"since": "x"}}']
)
def test_a_selection_that_nobody_stored(stored: str) -> None:
    with pytest.raises(StoredValueError):
        read_selection(stored)


@pytest.mark.parametrize(
    "selection",
    [
        KeySelection(),
        KeySelection(slots=frozenset({"80"})),
        KeySelection(offices=frozenset({""})),
        KeySelection(offices=frozenset({"x" * 65})),
        KeySelection(chip_types=frozenset({"P71\x00"})),
        KeySelection(stations=frozenset(str(number) for number in range(MAX_CHOICES + 1))),
        KeySelection(made=Window(WHOLE, WHOLE)),
        KeySelection(made=Window(START)),
        KeySelection(made=Window(WHOLE.replace(tzinfo=None))),
    ],
)
def test_selections_that_are_refused(crisis: Crisis, selection: KeySelection) -> None:
    with pytest.raises(InvalidInputError):
        crisis.actions.preview(FIRST, selection)
    with pytest.raises(InvalidInputError):
        crisis.actions.propose(FIRST, selection, "weak")


@pytest.mark.parametrize(
    ("reason", "tolerance"), [("", 0), (" ", 0), ("x" * 151, 0), ("x", -1), ("x", MAX_TOLERANCE + 1)]
)
def test_proposals_that_are_refused(crisis: Crisis, reason: str, tolerance: int) -> None:
    batch = crisis.issue()
    with pytest.raises(InvalidInputError):
        crisis.actions.propose(FIRST, batch.selection, reason, tolerance)
    assert crisis.actions.latest(FIRST) == []


def test_nothing_selected(crisis: Crisis) -> None:
    with pytest.raises(NothingSelectedError):
        crisis.actions.propose(FIRST, EVERYTHING, "weak")


@pytest.mark.parametrize("role", [Role.CLERK, Role.STOCK, Role.PRODUCTION, Role.ADMINISTRATOR])
def test_who_may_not(crisis: Crisis, role: Role) -> None:
    batch = crisis.issue()
    action, other = crisis.confirmed(batch), Actor("somebody", role)
    for attempt in (
        lambda: crisis.actions.preview(other, batch.selection),
        lambda: crisis.actions.propose(other, batch.selection, "weak"),
        lambda: crisis.actions.confirm(other, action),
        lambda: crisis.actions.cancel(other, action),
        lambda: crisis.actions.propose_lift(other, action, "sound"),
        lambda: crisis.actions.confirm_lift(other, action),
        lambda: crisis.actions.view(other, action),
        lambda: crisis.actions.latest(other),
        lambda: crisis.actions.report(other, action),
        lambda: crisis.runs.enter(other, action),
    ):
        with pytest.raises(RoleRequiredError):
            attempt()
    assert crisis.actions.view(FIRST, action).state is ActionState.CONFIRMED


def test_a_name_that_is_no_officers(crisis: Crisis) -> None:
    batch = crisis.issue()
    with pytest.raises(InvalidInputError):
        crisis.actions.propose(Actor("Supervisor One", Role.SUPERVISOR), batch.selection, "weak")


def test_nobody_confirms_their_own(crisis: Crisis) -> None:
    batch = crisis.issue()
    action = crisis.propose(batch).id
    for self_or_alike in (
        FIRST,
        Actor("supervisor-l", Role.SUPERVISOR),
        Actor("supervisor.1", Role.SUPERVISOR),
    ):
        with pytest.raises(OwnProposalError):
            crisis.actions.confirm(self_or_alike, action)
    crisis.actions.confirm(SECOND, action)
    crisis.run(action)
    crisis.actions.propose_lift(SECOND, action, "sound")
    with pytest.raises(OwnProposalError):
        crisis.actions.confirm_lift(SECOND, action)
    assert crisis.actions.view(FIRST, action).state is ActionState.HELD


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("state = 'confirmed', confirmed_by = proposed_by, confirmed_at = proposed_at", "two_people"),
        ("state = 'confirmed'", "confirmed_first"),
        ("state = 'held'", "confirmed_first"),
        ("confirmed_by = 'supervisor-2'", "confirmed"),
        (
            "state = 'lifting', confirmed_by = 'supervisor-2', confirmed_at = proposed_at, turn = 1",
            "lift_confirmed_first",
        ),
        (
            (
                "state = 'lifted', confirmed_by = 'supervisor-2', confirmed_at = proposed_at, "
                "lift_reason = 'x', lift_proposed_by = proposed_by, lift_confirmed_by = proposed_by"
            ),
            "two_people_lift",
        ),
        ("lift_confirmed_by = 'supervisor-2'", "lift_"),
        ("lift_proposed_by = 'supervisor-2'", "lift_reason"),
        ("state = 'forgotten', confirmed_by = 'supervisor-2', confirmed_at = proposed_at", "state"),
        ("reason = ''", "reason"),
        ("tolerance = -1", "tolerance"),
        ("turn = 1", "at_work"),
        ("turn = 2, state = 'holding', confirmed_by = 'supervisor-2', confirmed_at = proposed_at", "turn"),
    ],
)
def test_what_the_database_refuses(crisis: Crisis, change: str, constraint: str) -> None:
    crisis.propose(crisis.issue())
    with pytest.raises(IntegrityError) as refused, crisis.depot.database.writing() as session:
        session.execute(text(f"UPDATE mass_actions SET {change}"))  # noqa: S608 - our own text
    assert f"ck_mass_actions_{constraint}" in str(refused.value.orig)


def test_two_actions_are_not_at_work_at_once(crisis: Crisis) -> None:
    one, other = crisis.confirmed(crisis.issue()), crisis.confirmed(crisis.issue())
    crisis.runs.enter(FIRST, one)
    with pytest.raises(MassBusyError):
        crisis.runs.enter(FIRST, other)
    crisis.run(one)
    crisis.runs.enter(FIRST, other)
    crisis.actions.propose_lift(FIRST, one, "sound")
    with pytest.raises(MassBusyError):
        crisis.actions.confirm_lift(SECOND, one)
    assert crisis.actions.view(FIRST, one).state is ActionState.HELD


def test_a_selection_that_has_grown_is_refused(crisis: Crisis) -> None:
    batch = crisis.issue(2)
    action = crisis.propose(batch).id
    _move_into(crisis, batch.id, crisis.issue(1).id)
    with pytest.raises(SelectionChangedError) as refused:
        crisis.actions.confirm(SECOND, action)
    assert (refused.value.come, refused.value.gone) == (2, 0)


def test_as_many_come_as_gone_is_a_change(crisis: Crisis) -> None:
    batch = crisis.issue(2)
    action = crisis.propose(batch, tolerance=3).id
    with crisis.depot.database.writing() as session:
        session.execute(
            text("UPDATE cards SET state = 'revoked', revocation_cause = 'lost' WHERE card_number = :n"),
            {"n": batch.cards[0]},
        )
    _move_into(crisis, batch.id, crisis.issue(1).id)
    with pytest.raises(SelectionChangedError) as refused:
        crisis.actions.confirm(SECOND, action)
    assert (refused.value.come, refused.value.gone) == (2, 2)


def test_a_change_that_was_allowed_for_is_taken(crisis: Crisis) -> None:
    batch = crisis.issue(2)
    action = crisis.propose(batch, tolerance=4).id
    with crisis.depot.database.writing() as session:
        session.execute(
            text("UPDATE cards SET state = 'revoked', revocation_cause = 'lost' WHERE card_number = :n"),
            {"n": batch.cards[0]},
        )
    more = crisis.issue(1)
    _move_into(crisis, batch.id, more.id)
    assert crisis.actions.confirm(SECOND, action).keys == 4
    assert crisis.run(action).held == 4
    assert crisis.statuses(more.serials) == {"on_hold"}
    assert crisis.world.statuses([batch.serials[0], batch.serials[2]]) == ["good", "good"]


def test_a_proposal_that_is_over(crisis: Crisis) -> None:
    action = crisis.propose(crisis.issue()).id
    crisis.world.now += PROPOSAL_LIFE + timedelta(seconds=1)
    with pytest.raises(ProposalOverError):
        crisis.actions.confirm(SECOND, action)


def test_nothing_goes_on_out_of_turn(crisis: Crisis) -> None:
    action = crisis.propose(crisis.issue()).id
    for attempt in (
        lambda: crisis.runs.enter(SECOND, action),
        lambda: crisis.actions.propose_lift(FIRST, action, "sound"),
        lambda: crisis.actions.confirm_lift(SECOND, action),
    ):
        with pytest.raises(ForbiddenTransitionError):
            attempt()
    crisis.actions.cancel(FIRST, action)
    for attempt in (
        lambda: crisis.actions.confirm(SECOND, action),
        lambda: crisis.runs.enter(SECOND, action),
    ):
        with pytest.raises(ForbiddenTransitionError):
            attempt()
    with pytest.raises(NotFoundError):
        crisis.actions.view(FIRST, "nothing")
    with pytest.raises(NotFoundError):
        crisis.runs.enter(FIRST, "nothing")


def test_every_decision_is_in_the_chain(crisis: Crisis) -> None:
    action = crisis.held(crisis.issue(2))
    crisis.lift(action)
    query = select(AuditEntry.actor, AuditEntry.action).where(AuditEntry.subject == f"mass-action:{action}")
    with crisis.depot.database.reading() as session:
        found = [tuple(row) for row in session.execute(query.order_by(AuditEntry.sequence))]
        verify_table(session, AuditEntry)
    decisions = [row for row in found if row[1] not in {"mass-action.hold", "mass-action.lift"}]
    assert decisions == [
        (FIRST.username, "mass-action.proposed"),
        (SECOND.username, "mass-action.confirmed"),
        (SECOND.username, "mass-action.holding"),
        (SECOND.username, "mass-action.held"),
        (FIRST.username, "mass-action.lift-proposed"),
        (SECOND.username, "mass-action.lift-confirmed"),
        (SECOND.username, "mass-action.lifted"),
    ]
    assert len(found) > len(decisions)


def test_an_auditor_reads_and_changes_nothing(crisis: Crisis) -> None:
    auditor, action = Actor("auditor-1", Role.AUDITOR), crisis.propose(crisis.issue()).id
    assert crisis.actions.view(auditor, action).id == action
    assert [view.id for view in crisis.actions.latest(auditor)] == [action]
    assert crisis.actions.report(auditor, action).states == {"pending": 2}
    for attempt in (
        lambda: crisis.actions.confirm(auditor, action),
        lambda: crisis.actions.cancel(auditor, action),
        lambda: crisis.runs.enter(auditor, action),
    ):
        with pytest.raises(RoleRequiredError):
            attempt()


def _move_into(crisis: Crisis, batch: str, other: str) -> None:
    """Keys of another delivery turn out to be of this one."""
    with crisis.depot.database.writing() as session:
        session.execute(
            text("UPDATE key_provenance SET body_batch = :batch WHERE body_batch = :other"),
            {"batch": batch, "other": other},
        )
