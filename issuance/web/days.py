"""Dates in request bodies: Gregorian or Jalali, in any digits."""

from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

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
