"""Dates as the clerks read them: the Jalali (Solar Hijri) calendar, at the edge only."""

import re
from datetime import date
from enum import StrEnum, unique
from typing import Any

from persiantools.jdatetime import JalaliDate

from issuance.errors import InvalidInputError
from issuance.registry.text import ascii_digits

_Jalali: Any = JalaliDate  # the library carries no types

_DATE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
_FIRST_GREGORIAN_YEAR = 1700  # no Jalali year of a living person comes near
_MAX_INPUT = 32


@unique
class Precision(StrEnum):
    """How much of a birth date is known, in the Jalali calendar."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


def agrees(known: date, precision: Precision, given: date) -> bool:
    """Whether a date can be the one of which this much is known."""
    if precision is Precision.DAY:
        return known == given
    year_and_month = to_jalali(known)[:7], to_jalali(given)[:7]
    if precision is Precision.MONTH:
        return year_and_month[0] == year_and_month[1]
    return year_and_month[0][:4] == year_and_month[1][:4]


def to_jalali(day: date) -> str:
    """The day as YYYY/MM/DD in the Jalali calendar, ASCII digits.

    Raises InvalidInputError before its year 1.
    """
    try:
        jalali = _Jalali(day)
    except ValueError as error:
        raise InvalidInputError("there is no such day in the calendar") from error
    return f"{jalali.year:04d}/{jalali.month:02d}/{jalali.day:02d}"


def parse_date(text: str) -> date:
    """A Gregorian or Jalali date, any digits, `-` or `/` between. Raises InvalidInputError.

    The calendars can't be confused: a year below 1700 is Jalali.
    """
    match = _DATE.fullmatch(ascii_digits(text.strip())) if len(text) <= _MAX_INPUT else None
    if match is None:
        raise InvalidInputError("a date is written YYYY/MM/DD")
    year, month, day = (int(part) for part in match.groups())
    try:
        if year >= _FIRST_GREGORIAN_YEAR:
            return date(year, month, day)
        converted: date = _Jalali(year, month, day).to_gregorian()
    except ValueError as error:
        raise InvalidInputError("there is no such day in the calendar") from error
    return converted
