"""Dates and times in requests: dates Gregorian or Jalali, in any digits; times with their offset."""

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, WithJsonSchema

from issuance.errors import InvalidInputError
from issuance.registry.dates import parse_date

_SCHEMA = {
    "type": "string",
    "pattern": r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}$",
    "maxLength": 32,
    "description": "Gregorian, or Jalali where the year is below 1700.",
    "examples": ["1990-03-21", "1369/01/01"],
}


def _read(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_date(value)
    except InvalidInputError as error:
        raise ValueError("no date") from error


Day = Annotated[date, BeforeValidator(_read), WithJsonSchema(_SCHEMA)]
"""1403-12-30 is one, 1404-12-30 is none: that year has no leap day."""

_YEARS = range(1700, 9999)
"""Whatever the offset, there is such a moment in UTC."""


def _in_utc(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        raise ValueError("no moment of these times")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""ISO 8601 with its offset."""
