"""For how many days the stock lasts, pure."""

from dataclasses import dataclass
from datetime import date

from issuance.registry.workdays import Workdays

WINDOW = 10
"""Working days that are looked back upon: two weeks."""


@dataclass(frozen=True)
class Pace:
    """What was measured over the last working days before a day."""

    days: int
    """Working days that count: fewer than WINDOW where the office began later."""
    taken: int
    """Bodies on which a card was begun."""
    voided: int
    """Of bodies begun: waste."""

    @property
    def bodies_per_day(self) -> float | None:
        """Bodies used on a working day; None where nothing was measured."""
        return self.taken / self.days if self.days else None

    @property
    def cards_per_day(self) -> float | None:
        """Cards made on a working day; None where nothing was measured."""
        return max(self.taken - self.voided, 0) / self.days if self.days else None

    @property
    def bodies_per_card(self) -> float:
        """At least 1; the waste stands above it. Where no card came out, 1."""
        made = self.taken - self.voided
        return max(self.taken / made, 1.0) if made > 0 else 1.0


def counted_days(workdays: Workdays, today: date, first: date | None) -> list[date]:
    """The working days before `today` that a pace is measured over, the latest first.

    `first` is when the office first used a body; None: never.
    """
    if first is None:
        return []
    return [day for day in workdays.last(WINDOW, today) if day >= first]


def days_of_cover(on_hand: int, pace: Pace) -> float | None:
    """Working days until the stock is used up at this pace; None where nothing is known of it."""
    per_day = pace.bodies_per_day
    return on_hand / per_day if per_day else None
