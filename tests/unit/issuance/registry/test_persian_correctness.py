"""Names as people and old systems write them: one spelling is stored, sorted and found; leap years."""

import unicodedata
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuance.database import Database
from issuance.errors import InvalidInputError
from issuance.registry.citizens import Citizens
from issuance.registry.civilregister import CivilRecord
from issuance.registry.dates import Precision, agrees, parse_date
from issuance.registry.models import Citizen
from issuance.registry.namekeys import collation_key, skeleton, sort_key
from issuance.registry.text import fold
from pki.clock import utc_now
from pki.jalali import to_jalali
from pki.profiles.names import person_name
from simulators.population.people import People
from simulators.population.register import SyntheticCivilRegister, record_of
from tests.columnkey import CIPHER
from tests.migrated import new_registry

CODE = People(1).national_code(0)
NAMES = st.text(
    "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهیآأإؤئءةۀيكى \u200c\u064e\u0651\u0640\u200f\u202e\u2066\ufeff\u061c",
    min_size=1,
    max_size=30,
)
SPELLINGS = [
    ("كريمي", "کریمی"),
    ("کَریمی", "کریمی"),
    ("کـــریمی", "کریمی"),
    ("\u202eکریمی\u202c", "کریمی"),
    ("کری\u200dمی", "کریمی"),
    ("کری\xadمی", "کریمی"),
    ("\u2067کریمی\u2069", "کریمی"),
    ("\u200fکریمی\u200e\ufeff", "کریمی"),
    ("ﮐﺮﯾﻤﯽ", "کریمی"),
    ("علی\u200cاکبری", "علی\u200cاکبری"),
    ("علی\u200c\u200cاکبری\u200c", "علی\u200cاکبری"),
    ("علی \u200cاکبری", "علی اکبری"),
    ("عیسى", "عیسی"),
    ("  پور   حسن ", "پور حسن"),
    ("رضا\u0655", "رضإ"),  # NFC composes it
]


@pytest.mark.parametrize(("typed", "stored"), SPELLINGS)
def test_one_spelling(typed: str, stored: str) -> None:
    assert fold(typed) == stored


@given(NAMES)
def test_folding_again_changes_nothing(name: str) -> None:
    folded = fold(name)
    assert fold(folded) == folded
    assert not any(unicodedata.category(letter) == "Cf" and letter != "\u200c" for letter in folded)


@given(NAMES)
def test_keys_do_not_depend_on_the_spelling(name: str) -> None:
    for spelt in (fold(name), f"\u200f{name}", name.replace("ی", "ي").replace("ک", "ك")):
        assert skeleton(spelt) == skeleton(name)
        assert collation_key(spelt) == collation_key(name)


@given(NAMES, NAMES)
def test_a_directory_sorts_by_surname_first(one: str, other: str) -> None:
    if collation_key(one) < collation_key(other):
        assert sort_key(one, "ی" * 5) < sort_key(other, "ا")


def test_the_order_of_a_persian_dictionary() -> None:
    names = ["آذری", "احمدی", "پورحسن", "چگینی", "ژاله", "کاکاوند", "گودرزی", "وفا", "هستی", "یزدانی"]
    assert sorted(set(names), key=collation_key) == names
    assert sorted(names) != names  # that of code points is another
    assert collation_key("علی") < collation_key("علی اکبری")
    assert collation_key("مؤمن") == collation_key("مومن")


@pytest.mark.parametrize(("typed", "stored"), SPELLINGS)
def test_form_to_database_to_certificate(typed: str, stored: str, tmp_path: Path) -> None:
    record = record_of(People(1).person(0))
    spelt = CivilRecord(CODE, typed, typed, typed, "A", "B", record.birth_date, "M")
    database = Database(new_registry(tmp_path / "registry.sqlite3"), CIPHER)
    citizens = Citizens(SyntheticCivilRegister(People(1)), utc_now)
    with database.writing() as session:
        citizens.take_over(session, spelt)
    with database.reading() as session:
        citizen = session.get_one(Citizen, CODE)
    database.close()
    assert (citizen.given_name, citizen.surname, citizen.father_name) == (stored,) * 3
    name = person_name(CODE, citizen.given_name, citizen.surname)
    assert (name.given_name, name.surname) == (stored, stored)


@pytest.mark.parametrize("leap", [1399, 1403, 1408])
def test_leap_years(leap: int) -> None:
    last = parse_date(f"{leap}-12-30")
    assert to_jalali(last) == f"{leap}/12/30"
    assert parse_date(f"{leap + 1}/01/01") == last + timedelta(days=1)
    with pytest.raises(InvalidInputError):
        parse_date(f"{leap + 1}-12-30")


@given(st.dates(date(1880, 1, 1), date(2120, 1, 1)))
def test_every_day_goes_both_ways(day: date) -> None:
    assert parse_date(to_jalali(day)) == day
    assert all(agrees(day, precision, day) for precision in Precision)


def test_days_before_the_calendar() -> None:
    with pytest.raises(ValueError, match="year"):
        to_jalali(date(1, 1, 1))
    for typed in ("0001/01/01", "9999/12/31", "1700/13/01", "0000-01-01"):
        try:
            parse_date(typed)
        except InvalidInputError:
            continue
