"""Jalali at the edge; known days, and every day there and back."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuance.errors import InvalidInputError
from issuance.registry.dates import parse_date
from pki.jalali import to_jalali


@pytest.mark.parametrize(
    ("day", "jalali"),
    [
        (date(1979, 2, 11), "1357/11/22"),
        (date(2021, 3, 20), "1399/12/30"),  # the last day of a leap year
        (date(2021, 3, 21), "1400/01/01"),
        (date(2025, 3, 20), "1403/12/30"),
    ],
)
def test_known_days(day: date, jalali: str) -> None:
    assert to_jalali(day) == jalali
    assert parse_date(jalali) == day


@given(st.dates(date(1880, 1, 1), date(2120, 12, 31)))
def test_there_and_back(day: date) -> None:
    assert parse_date(to_jalali(day)) == day
    assert parse_date(day.isoformat()) == day


def test_any_digits() -> None:
    assert parse_date("۱۴۰۰/۱/۱") == parse_date("١٤٠٠-٠١-٠١") == date(2021, 3, 21)


@pytest.mark.parametrize(
    "typed",
    ["", "today", "1400/13/01", "1402/12/30", "1400/07/31", "2023-02-29", "1400/1", "0000/01/01", "1" * 99],
)
def test_no_such_day(typed: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_date(typed)
