"""Clerks, officers and two mass actions hold the same keys in any order: nobody lifts another's hold."""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from issuance.massactions.closing import require_not_held
from issuance.massactions.errors import CardHeldError
from issuance.massactions.states import ActionState
from pki.errors import ForbiddenTransitionError
from pki.status.state import Hold
from tests.depot import open_depot
from tests.migrated import new_registry
from tests.repeated import REPEATED
from tests.unit.issuance.massactions.crisis import FIRST, Batch, Crisis, open_crisis
from tests.unit.issuance.massactions.test_running import resumption, suspension

pytestmark = REPEATED

KEYS = 4
_KEY = st.integers(0, KEYS - 1)
_ACTION = st.integers(0, 1)


@dataclass
class Key:
    """Who holds a key, as it must be."""

    clerk: bool = False
    officer: bool = False
    actions: set[int] = field(default_factory=set)

    @property
    def held(self) -> bool:
        return self.clerk or self.officer or bool(self.actions)

    @property
    def held_by_stronger(self) -> bool:
        return self.officer or bool(self.actions)


class Holds(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        depot = self._stack.enter_context(open_depot(new_registry(folder / "registry.sqlite3")))
        self.crisis: Crisis = self._stack.enter_context(open_crisis(depot, f"sqlite:///{folder}/pki.sqlite3"))
        self.batch: Batch = self.crisis.issue(KEYS // 2)
        self.keys = [Key() for _ in range(KEYS)]
        self.actions: dict[int, str] = {}

    def teardown(self) -> None:
        self._stack.close()

    @rule(number=_KEY)
    def clerk_suspends(self, number: int) -> None:
        key, change = self.keys[number], suspension(Hold.REGISTRY)
        if key.clerk:
            with pytest.raises(ForbiddenTransitionError):
                self.crisis.world.change(self.batch.serials[number], change)
            return
        self.crisis.world.change(self.batch.serials[number], change)
        key.clerk = True

    @rule(number=_KEY)
    def clerk_resumes(self, number: int) -> None:
        key, change = self.keys[number], resumption(Hold.REGISTRY)
        if key.held_by_stronger or not key.clerk:
            with pytest.raises(ForbiddenTransitionError):
                self.crisis.world.change(self.batch.serials[number], change)
            return
        self.crisis.world.change(self.batch.serials[number], change)
        key.clerk = False

    @rule(number=_KEY)
    def officer_suspends(self, number: int) -> None:
        key, change = self.keys[number], suspension(Hold.OFFICER)
        if key.held_by_stronger:
            with pytest.raises(ForbiddenTransitionError):
                self.crisis.world.change(self.batch.serials[number], change)
            return
        self.crisis.world.change(self.batch.serials[number], change)
        key.officer = True

    @precondition(lambda self: any(key.officer for key in self.keys))
    @rule()
    def officers_resume_their_own(self) -> None:
        for serial, key in zip(self.batch.serials, self.keys, strict=True):
            if key.officer:
                self.crisis.world.change(serial, resumption(Hold.OFFICER))
                key.officer = False

    @rule(action=_ACTION)
    def mass_hold(self, action: int) -> None:
        if action in self.actions:
            return
        self.actions[action] = self.crisis.held(self.batch)
        for key in self.keys:
            if not key.officer:
                key.actions.add(action)

    @rule(action=_ACTION)
    def mass_lift(self, action: int) -> None:
        if action not in self.actions:
            return
        assert self.crisis.lift(self.actions.pop(action)).state is ActionState.LIFTED
        for key in self.keys:
            key.actions.discard(action)

    @invariant()
    def a_key_is_good_unless_somebody_holds_it(self) -> None:
        rows = self.crisis.world.rows(self.batch.serials)
        assert [row.status == "on_hold" for row in rows] == [key.held for key in self.keys]
        stronger = [row.held_by == "officer" for row in rows]
        assert stronger == [key.held_by_stronger for key in self.keys]

    @invariant()
    def the_registry_knows_which_cards_are_held(self) -> None:
        by_card = [[self.keys[0], self.keys[2]], [self.keys[1], self.keys[3]]]
        with self.crisis.depot.database.reading() as session:
            for number, keys in zip(self.batch.cards, by_card, strict=True):
                if any(key.actions for key in keys):
                    with pytest.raises(CardHeldError):
                        require_not_held(session, number)
                else:
                    require_not_held(session, number)

    @invariant()
    def reports_add_up(self) -> None:
        for action, action_id in self.actions.items():
            states = self.crisis.actions.report(FIRST, action_id).states
            assert states.get("held", 0) == sum(action in key.actions for key in self.keys)


TestHolds = Holds.TestCase
TestHolds.settings = settings(
    max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
)
