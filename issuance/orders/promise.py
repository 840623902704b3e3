"""The promised date, pure.

The model: each card takes `bodies_per_card` bodies, waste included, that are on hand or announced. On each
working day from tomorrow at most `cards_per_day` cards are made, first those that are ahead, and no more than
there are bodies for, those included that arrive on that day. The card is promised for the working day after
the one on which it is made by this reckoning: the day that is promised is a whole one. Nothing is promised
where no pace was ever measured, where the bodies on hand and announced don't suffice, or beyond HORIZON
working days.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from issuance.registry.workdays import Workdays

HORIZON = 250
"""Working days: a year. What is farther away nobody knows."""
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Arrival:
    """Bodies that are announced for a day."""

    on: date
    bodies: int


@dataclass(frozen=True)
class Outlook:
    """What is known of an office's production today."""

    today: date
    on_hand: int
    arrivals: Sequence[Arrival]
    cards_per_day: float | None
    """Measured; None: it never was."""
    bodies_per_card: float = 1.0
    """At least 1."""


def promised_date(ahead: int, outlook: Outlook, workdays: Workdays) -> date | None:
    """When the order with so many ahead of it is ready, or None: unknown."""
    if not outlook.cards_per_day:
        return None
    wanted = ahead + 1
    bodies, made = float(outlook.on_hand), 0.0
    # What should have come before today is late: nobody knows when it comes, until it is announced anew.
    expected = (arrival for arrival in outlook.arrivals if arrival.on >= outlook.today)
    arrivals = deque(sorted(expected, key=lambda arrival: arrival.on))
    for day in islice(workdays.following(outlook.today), HORIZON):
        while arrivals and arrivals[0].on <= day:
            bodies += arrivals.popleft().bodies
        if not arrivals and bodies < (wanted - made) * outlook.bodies_per_card - _ROUNDING:
            return None
        today = min(outlook.cards_per_day, bodies / outlook.bodies_per_card)
        made, bodies = made + today, bodies - today * outlook.bodies_per_card
        if made >= wanted - _ROUNDING:
            return next(workdays.following(day))
    return None
