"""What happens to people in a civil register: deaths, new names, dates known in part, old spellings.

Computed from seed and number like the people themselves. A share of zero everywhere gives the plain people.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Any

from persiantools.jdatetime import JalaliDate

from issuance.registry.civilregister import CivilRecord
from issuance.registry.dates import Precision
from simulators.population.names import SURNAMES
from simulators.population.people import People, Person

_Jalali: Any = JalaliDate  # the library carries no types


@unique
class Fate(StrEnum):
    """What is special about somebody's record."""

    DECEASED = "deceased"
    """They die on some day; from then on the register says so."""
    RENAMED = "renamed"
    """From some day on they have another surname."""
    WRONG_DATE = "wrong_date"
    """The register has day and month in each other's place, or a day off."""
    YEAR_ONLY = "year_only"
    MONTH_ONLY = "month_only"
    SINGLE_NAME = "single_name"
    LONG_NAME = "long_name"
    ARABIC_LETTERS = "arabic_letters"
    """ي and ك, harakat and a direction mark, as in records of old systems."""
    UNBORN = "unborn"
    """They are born on some day to come; until then nobody has their code."""


PLAIN: Mapping[Fate, float] = MappingProxyType({})
EVENTFUL: Mapping[Fate, float] = MappingProxyType(
    {
        Fate.DECEASED: 0.05,
        Fate.RENAMED: 0.04,
        Fate.WRONG_DATE: 0.02,
        Fate.YEAR_ONLY: 0.01,
        Fate.MONTH_ONLY: 0.01,
        Fate.SINGLE_NAME: 0.005,
        Fate.LONG_NAME: 0.01,
        Fate.ARABIC_LETTERS: 0.1,
        Fate.UNBORN: 0.01,
    }
)
"""Each fate's share of the people; a person can have several."""
_SPAN_DAYS = 10_000
_EVENTS_FROM = date(2010, 1, 1)
_BIRTHS_FROM = date(2020, 1, 1)
_LONG = ("عبدالرحمان‌زاده", "خاتون‌آبادی", "فیروزکوهی", "اصفهانی")
_LONG_LATIN = "Abdolrahmanzadeh Khatounabadi Firouzkouhi Esfahani"
_OLD_LETTERS = str.maketrans({"ی": "ي", "ک": "ك"})
_FATHA, _MARK = "\u064e", "\u200f"


@dataclass(frozen=True)
class Life:
    """A person, and what their record goes through."""

    person: Person
    fates: frozenset[Fate]
    day: date = field(repr=False)
    """When the event comes: the death, the new name, the birth."""


class Lives:
    """The lives of a people; `shares` is each fate's part of them."""

    def __init__(self, people: People, shares: Mapping[Fate, float] = PLAIN) -> None:
        self._people = people
        self._shares = shares

    def life(self, number: int) -> Life:
        """The life of person `number`."""
        chance = random.Random(f"hoviat life {self._people.seed} {number}")  # noqa: S311 - repeatable
        drawn = {fate: chance.random() for fate in Fate}
        fates = frozenset(fate for fate in Fate if drawn[fate] < self._shares.get(fate, 0.0))
        first = _BIRTHS_FROM if Fate.UNBORN in fates else _EVENTS_FROM
        return Life(self._people.person(number), fates, first + timedelta(days=chance.randrange(_SPAN_DAYS)))

    def record(self, number: int, today: date) -> CivilRecord | None:
        """What the register says of them on a day; None before they are born."""
        life = self.life(number)
        record: CivilRecord | None = record_of(life.person)
        for fate in Fate:
            if fate in life.fates and record is not None:
                record = _ENTRIES[fate](record, life, today)
        return record


def record_of(person: Person) -> CivilRecord:
    """A person as a civil register's answer."""
    return CivilRecord(
        national_code=person.national_code,
        given_name=person.given_name.persian,
        surname=person.surname.persian,
        father_name=person.father_name.persian,
        latin_given_name=person.given_name.latin,
        latin_surname=person.surname.latin,
        birth_date=person.birth_date,
        sex=person.sex,
    )


def _deceased(record: CivilRecord, life: Life, today: date) -> CivilRecord:
    if today < life.day:
        return record
    return replace(record, deceased_on=life.day, revision=record.revision + 1)


def _renamed(record: CivilRecord, life: Life, today: date) -> CivilRecord:
    if today < life.day:
        return record
    others = [name for name in SURNAMES if name != life.person.surname]
    name = others[int(life.person.national_code) % len(others)]
    return replace(record, surname=name.persian, latin_surname=name.latin, revision=record.revision + 1)


def _wrong_date(record: CivilRecord, life: Life, today: date) -> CivilRecord:  # noqa: ARG001
    born = life.person.birth_date
    try:
        wrong = born.replace(month=born.day, day=born.month)
    except ValueError:
        wrong = born
    return replace(record, birth_date=wrong if wrong != born else born + timedelta(days=1))


def _year_only(record: CivilRecord, life: Life, today: date) -> CivilRecord:  # noqa: ARG001
    year = _Jalali(record.birth_date).year
    return replace(record, birth_date=_Jalali(year, 1, 1).to_gregorian(), birth_precision=Precision.YEAR)


def _month_only(record: CivilRecord, life: Life, today: date) -> CivilRecord:  # noqa: ARG001
    if record.birth_precision is Precision.YEAR:
        return record
    known = _Jalali(record.birth_date)
    first = _Jalali(known.year, known.month, 1).to_gregorian()
    return replace(record, birth_date=first, birth_precision=Precision.MONTH)


def _single_name(record: CivilRecord, life: Life, today: date) -> CivilRecord:  # noqa: ARG001
    name = life.person.given_name
    return replace(record, given_name="", surname=name.persian, latin_given_name="", latin_surname=name.latin)


def _long_name(record: CivilRecord, life: Life, today: date) -> CivilRecord:  # noqa: ARG001
    return replace(record, surname=f"{record.surname} {' '.join(_LONG)}", latin_surname=_LONG_LATIN)


def _arabic_letters(record: CivilRecord, life: Life, today: date) -> CivilRecord:  # noqa: ARG001
    surname = record.surname.translate(_OLD_LETTERS)
    marked = f"{surname[0]}{_FATHA}{surname[1:]}{_MARK}"
    return replace(record, surname=marked, given_name=record.given_name.translate(_OLD_LETTERS))


def _unborn(record: CivilRecord, life: Life, today: date) -> CivilRecord | None:
    if today < life.day:
        return None
    return replace(record, birth_date=life.day, birth_precision=Precision.DAY, deceased_on=None)


_ENTRIES = {
    Fate.DECEASED: _deceased,
    Fate.RENAMED: _renamed,
    Fate.WRONG_DATE: _wrong_date,
    Fate.YEAR_ONLY: _year_only,
    Fate.MONTH_ONLY: _month_only,
    Fate.SINGLE_NAME: _single_name,
    Fate.LONG_NAME: _long_name,
    Fate.ARABIC_LETTERS: _arabic_letters,
    Fate.UNBORN: _unborn,
}
