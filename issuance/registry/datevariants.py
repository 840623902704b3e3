"""The dates that a slip of the pen makes of a date, in the Jalali and in the Gregorian calendar."""

from collections.abc import Iterator
from datetime import date, timedelta
from enum import Enum, StrEnum, unique
from typing import Any

from persiantools.jdatetime import JalaliDate

_Jalali: Any = JalaliDate  # the library carries no types
_DIGITS = "0123456789"
_FIRST, _LAST = date(1850, 1, 1), date(2150, 1, 1)
"""Nobody alive was born outside of these."""


@unique
class DateSlip(StrEnum):
    """What makes the one date of the other."""

    SAME = "same"
    NEXT_DAY = "next_day"
    """One day more or less: a birth around midnight, a calendar converted by hand."""
    ONE_DIGIT = "one_digit"
    DAY_AND_MONTH = "day_and_month"
    """Day and month changed places."""
    PARTIAL = "partial"
    """The one is the first day of the other's month or year: all that a register knew."""


class _Calendar(Enum):
    GREGORIAN = "gregorian"
    JALALI = "jalali"


def variants(day: date) -> dict[date, DateSlip]:
    """All dates that are one slip away, with the likeliest slip; about 150 of them."""
    found: dict[date, DateSlip] = {day: DateSlip.SAME}
    for slip, other in _slips(day):
        if _FIRST <= other < _LAST:
            found.setdefault(other, slip)
    return found


def slip_between(one: date, other: date) -> DateSlip | None:
    """The slip that leads from the one to the other, either way; None: they are different dates."""
    return variants(one).get(other) or variants(other).get(one)


def _slips(day: date) -> Iterator[tuple[DateSlip, date]]:
    jalali = _Jalali(day)
    for days in (-1, 1):
        yield DateSlip.NEXT_DAY, day + timedelta(days=days)
    parts = (
        (_Calendar.GREGORIAN, day.year, day.month, day.day),
        (_Calendar.JALALI, jalali.year, jalali.month, jalali.day),
    )
    for calendar, year, month, number in parts:
        for swapped in _made(calendar, year, number, month):
            yield DateSlip.DAY_AND_MONTH, swapped
        for text in _one_digit_off(f"{year:04d}{month:02d}{number:02d}"):
            for made in _made(calendar, int(text[:4]), int(text[4:6]), int(text[6:])):
                yield DateSlip.ONE_DIGIT, made
    for month, number in ((jalali.month, 1), (1, 1)):
        for made in _made(_Calendar.JALALI, jalali.year, month, number):
            yield DateSlip.PARTIAL, made


def _one_digit_off(text: str) -> Iterator[str]:
    for place, digit in enumerate(text):
        for other in _DIGITS:
            if other != digit:
                yield text[:place] + other + text[place + 1 :]


def _made(calendar: _Calendar, year: int, month: int, number: int) -> Iterator[date]:
    """The date, if there is one."""
    try:
        if calendar is _Calendar.GREGORIAN:
            yield date(year, month, number)
        else:
            yield _Jalali(year, month, number).to_gregorian()
    except ValueError:
        return
