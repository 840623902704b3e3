"""A circuit breaker: after so many failures in a row nobody asks for a while, then one tries."""

from collections.abc import Callable
from enum import IntEnum, unique
from typing import NamedTuple, TypeAlias

Monotonic: TypeAlias = Callable[[], float]
"""Seconds that never run backwards."""


@unique
class BreakerState(IntEnum):
    """The numbers are those of the metric."""

    CLOSED = 0
    """All may ask."""
    HALF_OPEN = 1
    """One may ask; by how that ends, it closes or opens."""
    OPEN = 2
    """Nobody may ask."""


class BreakerOpenError(Exception):
    """Not now."""


class Turn(NamedTuple):
    """Leave to ask once. Exactly one of `succeeded`, `failed` and `abandoned` takes it back."""

    generation: int


class Breaker:
    """Pure: it does nothing but count. Not for several threads; these may only read its state."""

    def __init__(self, failures: int, pause: float, clock: Monotonic) -> None:
        """Opens at so many `failures` in a row, for `pause` seconds."""
        self._limit = failures
        self._pause = pause
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False
        self._generation = 0

    @property
    def state(self) -> BreakerState:
        """At this moment."""
        opened_at = self._opened_at
        if opened_at is None:
            return BreakerState.CLOSED
        over = self._clock() - opened_at >= self._pause
        return BreakerState.HALF_OPEN if over else BreakerState.OPEN

    def admit(self) -> Turn:
        """Raises BreakerOpenError."""
        state = self.state
        if state is BreakerState.OPEN or (state is BreakerState.HALF_OPEN and self._probing):
            raise BreakerOpenError
        self._probing = state is BreakerState.HALF_OPEN
        return Turn(self._generation)

    def succeeded(self, turn: Turn) -> None:
        """The source answered."""
        if turn.generation == self._generation:
            self._failures = 0
            if self._opened_at is not None:
                self._begin(None)

    def failed(self, turn: Turn) -> None:
        """It did not."""
        if turn.generation != self._generation:  # it was let in before the breaker last changed
            return
        self._failures += 1
        if self._opened_at is not None or self._failures >= self._limit:
            self._begin(self._clock())

    def abandoned(self, turn: Turn) -> None:
        """Nothing was learned: whoever asked went away."""
        if turn.generation == self._generation:
            self._probing = False

    def _begin(self, opened_at: float | None) -> None:
        self._opened_at = opened_at
        self._failures = 0
        self._probing = False
        self._generation += 1
