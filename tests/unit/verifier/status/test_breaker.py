"""The circuit breaker against a model: any order of asks, ends and time."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)

from verifier.status.breaker import Breaker, BreakerOpenError, BreakerState, Turn

PAUSE = 30.0


class BreakerMachine(RuleBasedStateMachine):
    """The model says what counts; each turn ends once, in any order, some long after the breaker changed."""

    turns: Bundle[tuple[int, Turn]] = Bundle("turns")

    @initialize(limit=st.integers(1, 4))
    def begin(self, limit: int) -> None:
        self.now = 0.0
        self.limit = limit
        self.breaker = Breaker(limit, PAUSE, lambda: self.now)
        self.failures = 0
        self.opened_at: float | None = None
        self.probe: int | None = None
        self.counted: set[int] = set()
        """Turns whose end tells of the present: given since the breaker last opened or closed."""
        self.given = 0

    def expected(self) -> BreakerState:
        if self.opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.now - self.opened_at < PAUSE else BreakerState.HALF_OPEN

    def change(self, opened_at: float | None) -> None:
        self.opened_at, self.failures, self.probe = opened_at, 0, None
        self.counted.clear()

    @rule(seconds=st.sampled_from([0.0, 1.0, PAUSE - 0.5, PAUSE, 10 * PAUSE]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    def admits(self) -> bool:
        state = self.expected()
        return state is BreakerState.CLOSED or (state is BreakerState.HALF_OPEN and self.probe is None)

    @precondition(lambda self: self.admits())
    @rule(target=turns)
    def ask(self) -> tuple[int, Turn]:
        turn = self.breaker.admit()
        self.given += 1
        self.counted.add(self.given)
        if self.expected() is BreakerState.HALF_OPEN:
            self.probe = self.given
        return self.given, turn

    @precondition(lambda self: not self.admits())
    @rule()
    def ask_in_vain(self) -> None:
        with pytest.raises(BreakerOpenError):
            self.breaker.admit()

    @rule(turn=consumes(turns))
    def succeed(self, turn: tuple[int, Turn]) -> None:
        self.breaker.succeeded(turn[1])
        if turn[0] in self.counted:
            self.failures = 0
            if self.opened_at is not None:
                self.change(None)

    @rule(turn=consumes(turns))
    def fail(self, turn: tuple[int, Turn]) -> None:
        self.breaker.failed(turn[1])
        if turn[0] in self.counted:
            self.failures += 1
            if self.opened_at is not None or self.failures >= self.limit:
                self.change(self.now)

    @rule(turn=consumes(turns))
    def abandon(self, turn: tuple[int, Turn]) -> None:
        self.breaker.abandoned(turn[1])
        if turn[0] == self.probe:
            self.probe = None

    @invariant()
    def the_state_is_as_expected(self) -> None:
        if hasattr(self, "breaker"):
            assert self.breaker.state is self.expected()


TestBreaker = BreakerMachine.TestCase


def test_failures_with_a_success_between_open_nothing() -> None:
    breaker = Breaker(2, PAUSE, lambda: 0.0)
    for _ in range(5):
        breaker.failed(breaker.admit())
        breaker.succeeded(breaker.admit())
    assert breaker.state is BreakerState.CLOSED


def test_what_was_let_in_before_it_opened_neither_closes_it_nor_prolongs_the_pause() -> None:
    now = 0.0
    breaker = Breaker(1, PAUSE, lambda: now)
    early, late = breaker.admit(), breaker.admit()
    breaker.failed(breaker.admit())
    breaker.succeeded(early)
    with pytest.raises(BreakerOpenError):
        breaker.admit()
    now = PAUSE
    breaker.failed(late)
    assert breaker.state is BreakerState.HALF_OPEN
