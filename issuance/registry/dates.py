"""Dates as the clerks type them, in either calendar."""

import re
from datetime import date

from issuance.errors import InvalidInputError
from issuance.registry.text import ascii_digits
from pki.jalali import from_jalali

_DATE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
_FIRST_GREGORIAN_YEAR = 1700  # no Jalali year of a living person comes near
_MAX_INPUT = 32


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
