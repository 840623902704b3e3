"""The Jalali (Solar Hijri) calendar, for people to read: everything else keeps Gregorian dates."""

from datetime import date
from typing import Any

from persiantools.jdatetime import JalaliDate

_Jalali: Any = JalaliDate  # the library carries no types


def to_jalali(day: date) -> str:
    """The day as YYYY/MM/DD in the Jalali calendar, ASCII digits. Raises ValueError before its year 1."""
    jalali = _Jalali(day)
    return f"{jalali.year:04d}/{jalali.month:02d}/{jalali.day:02d}"


def from_jalali(year: int, month: int, day: int) -> date:
    """The same day in the Gregorian calendar. Raises ValueError where there is no such day."""
    converted: date = _Jalali(year, month, day).to_gregorian()
    return converted
