"""Dates as the clerks type them, in either calendar."""

import re
from datetime import date
from enum import StrEnum, unique

from issuance.errors import InvalidInputError
from issuance.registry.text import ascii_digits
from pki.jalali import from_jalali, to_jalali

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
        return from_jalali(year, month, day)
    except ValueError as error:
        raise InvalidInputError("there is no such day in the calendar") from error
