"""What goes wrong at a civil register, and when: by hand or drawn from a seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, unique

MAX_FAULTS = 10_000


@unique
class RegisterEffect(StrEnum):
    """What happens to one question."""

    DROP = "drop"
    """The connection ends before the answer does."""
    SILENT = "silent"
    """Nothing comes until whoever asked has gone."""
    TRICKLE = "trickle"
    """The answer comes byte by byte, and never whole."""
    ERROR = "error"
    """Status 503."""
    MALFORMED = "malformed"
    """An answer that is no JSON."""
    INCOMPLETE = "incomplete"
    """A record that lacks members."""
    CONTRADICTORY = "contradictory"
    """A record of another person than was asked for."""
    ENDLESS = "endless"
    """An answer without an end."""


@dataclass(frozen=True)
class RegisterFaults:
    """Effects by question, counted from 1 since the register started; all others are answered well."""

    effects: tuple[tuple[int, RegisterEffect], ...] = ()

    def at(self, question: int) -> RegisterEffect | None:
        """What happens to that question."""
        return dict(self.effects).get(question)

    @classmethod
    def outage(cls, first: int, last: int, effect: RegisterEffect) -> "RegisterFaults":
        """The same for a run of questions. Raises ValueError for one that is too long."""
        if last - first >= MAX_FAULTS:
            raise ValueError(f"at most {MAX_FAULTS} faults")
        return cls(tuple((question, effect) for question in range(first, last + 1)))

    @classmethod
    def drawn(
        cls, seed: int, questions: int, count: int, effects: Sequence[RegisterEffect] = tuple(RegisterEffect)
    ) -> "RegisterFaults":
        """`count` faults among the first `questions`; one seed gives one script. Raises ValueError."""
        if not count <= min(questions, MAX_FAULTS):
            raise ValueError("more faults than questions")
        chance = random.Random(f"hoviat register faults {seed}")  # noqa: S311 - repeatable, no secret
        places = sorted(chance.sample(range(1, questions + 1), count))
        return cls(tuple((place, chance.choice(effects)) for place in places))
