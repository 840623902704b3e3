"""Working days, pure. Public holidays are not known here: what was measured knows of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_THURSDAY, _FRIDAY = 3, 4  # date.weekday() counts from Monday
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Workdays:
    """The days of the week on which offices work."""

    closed: frozenset[int]
    """Of `date.weekday()`; at least one day is open."""

    def is_open(self, day: date) -> bool:
        """Whether offices work on that day."""
        return day.weekday() not in self.closed

    def following(self, day: date) -> Iterator[date]:
        """The working days after that day, without end."""
        while True:
            day += _DAY
            if self.is_open(day):
                yield day

    def last(self, count: int, before: date) -> list[date]:
        """The last working days before that day, the latest first."""
        days: list[date] = []
        while len(days) < count:
            before -= _DAY
            if self.is_open(before):
                days.append(before)
        return days


IRANIAN_WEEK = Workdays(frozenset({_THURSDAY, _FRIDAY}))
"""Saturday to Wednesday."""
