"""What stands before each source: a bounded number of asks at a time, a circuit breaker, and counts."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from verifier.authentication.status import StatusAnswer
from verifier.authentication.statuserrors import (
    StatusSourceFailedError,
    StatusSourcePausedError,
    StatusStaleError,
    StatusTimeoutError,
    StatusUnavailableError,
    StatusUntrustedAnswerError,
)
from verifier.status.breaker import Breaker, BreakerOpenError

Failures: TypeAlias = tuple[type[StatusUnavailableError], ...]

OUTAGES: Failures = (StatusTimeoutError, StatusSourceFailedError)
"""What opens a breaker."""
ANSWERS: Failures = (StatusStaleError, StatusUntrustedAnswerError)
"""What does not, where it comes fast. If it counted, whoever holds one odd certificate could lock out all
others of the same CA."""


@dataclass
class Gate:
    """For one source and one protocol. Not for several threads."""

    breaker: Breaker
    places: int
    """How many may ask at the same time: more are refused, for a queue would only make all of them slow."""
    taken: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """Answers by what they say, refusals by their kind."""

    @contextmanager
    def place(self) -> Iterator[None]:
        """Raises StatusSourcePausedError where all places are taken."""
        if self.taken >= self.places:
            raise StatusSourcePausedError
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    @contextmanager
    def turn(self, failures: Failures = OUTAGES) -> Iterator[None]:
        """One ask over the network. Raises StatusSourcePausedError while the breaker is open."""
        try:
            turn = self.breaker.admit()
        except BreakerOpenError as error:
            raise StatusSourcePausedError from error
        try:
            yield
        except failures:
            self.breaker.failed(turn)
            raise
        except ANSWERS:
            self.breaker.succeeded(turn)
            raise
        except BaseException:
            self.breaker.abandoned(turn)
            raise
        self.breaker.succeeded(turn)

    @contextmanager
    def counting(self) -> Iterator["Tally"]:
        """Notes how one question ended."""
        tally = Tally()
        try:
            yield tally
        except StatusUnavailableError as error:
            self.outcomes[error.kind] += 1
            raise
        if tally.answer is not None:
            self.outcomes[tally.answer.status.value] += 1


@dataclass
class Tally:
    """Where an answer is put down to be counted."""

    answer: StatusAnswer | None = None
