"""What happens to synthetic people, and that the register says it on the right day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuance.registry.citizens import Citizens
from issuance.registry.dates import Precision
from issuance.registry.models import NAME_LENGTH
from issuance.registry.text import fold
from pki.clock import utc_now
from simulators.faults.register import RegisterEffect, RegisterFaults
from simulators.population.lives import EVENTFUL, Fate, Lives, record_of
from simulators.population.people import People
from simulators.population.register import SyntheticCivilRegister

PEOPLE = People(seed=1)
TODAY = date(2026, 1, 1)
LIVES = Lives(PEOPLE, EVENTFUL)


def somebody(fate: Fate) -> int:
    return next(number for number in range(20_000) if LIVES.life(number).fates == {fate})


@given(st.integers(0, PEOPLE.size - 1))
def test_plain_people_are_as_they_are(number: int) -> None:
    assert Lives(PEOPLE).record(number, TODAY) == record_of(PEOPLE.person(number))


@given(st.integers(0, PEOPLE.size - 1), st.dates(date(2000, 1, 1), date(2060, 1, 1)))
def test_every_record_of_any_day_can_be_taken_over(number: int, day: date) -> None:
    record = LIVES.record(number, day)
    assert record == LIVES.record(number, day)
    if record is not None:
        register = SyntheticCivilRegister(PEOPLE, EVENTFUL, utc_now)
        assert record.national_code == PEOPLE.national_code(number)
        assert 0 < len(fold(record.surname)) <= NAME_LENGTH
        assert register.find("0013542419") is None


@pytest.mark.parametrize("fate", [Fate.DECEASED, Fate.RENAMED, Fate.UNBORN])
def test_an_event_comes_on_its_day(fate: Fate) -> None:
    number = somebody(fate)
    day = LIVES.life(number).day
    before, after = LIVES.record(number, day - timedelta(days=1)), LIVES.record(number, day)
    assert after is not None
    if fate is Fate.UNBORN:
        assert before is None
        assert after.birth_date == day
        return
    assert before == record_of(PEOPLE.person(number))
    assert after.revision == before.revision + 1
    assert (after.deceased_on == day) == (fate is Fate.DECEASED)
    assert (after.surname != before.surname) == (fate is Fate.RENAMED)


def test_records_that_know_a_part_of_the_date() -> None:
    year, month = (LIVES.record(somebody(fate), TODAY) for fate in (Fate.YEAR_ONLY, Fate.MONTH_ONLY))
    assert year is not None
    assert month is not None
    assert (year.birth_precision, month.birth_precision) == (Precision.YEAR, Precision.MONTH)
    born = PEOPLE.person(somebody(Fate.YEAR_ONLY)).birth_date
    assert year.is_birth_date(born)
    assert not year.is_birth_date(born + timedelta(days=366))
    born = PEOPLE.person(somebody(Fate.MONTH_ONLY)).birth_date
    assert month.is_birth_date(born)
    assert not month.is_birth_date(born + timedelta(days=31))


def test_a_wrong_date_is_not_the_persons_own() -> None:
    number = somebody(Fate.WRONG_DATE)
    record = LIVES.record(number, TODAY)
    assert record is not None
    assert not record.is_birth_date(PEOPLE.person(number).birth_date)


def test_names_that_are_no_usual_ones() -> None:
    single, long = (LIVES.record(somebody(fate), TODAY) for fate in (Fate.SINGLE_NAME, Fate.LONG_NAME))
    old = LIVES.record(somebody(Fate.ARABIC_LETTERS), TODAY)
    assert single is not None
    assert long is not None
    assert old is not None
    assert (single.given_name, single.latin_given_name) == ("", "")
    assert len(long.latin_surname) > 39
    assert old.surname != fold(old.surname) == PEOPLE.person(somebody(Fate.ARABIC_LETTERS)).surname.persian


def test_shares_are_about_what_they_say() -> None:
    deceased = sum(Fate.DECEASED in LIVES.life(number).fates for number in range(2000))
    assert 50 < deceased < 160


def test_a_seed_repeats_its_faults_and_another_differs() -> None:
    assert RegisterFaults.drawn(1, 100, 10) == RegisterFaults.drawn(1, 100, 10)
    assert RegisterFaults.drawn(1, 100, 10) != RegisterFaults.drawn(2, 100, 10)
    assert len(RegisterFaults.drawn(3, 10, 10).effects) == 10
    with pytest.raises(ValueError, match="more faults"):
        RegisterFaults.drawn(1, 3, 4)
    with pytest.raises(ValueError, match="at most"):
        RegisterFaults.outage(1, 20_000, RegisterEffect.ERROR)


def test_citizens_ask_for_the_living() -> None:
    register = SyntheticCivilRegister(PEOPLE)
    person = PEOPLE.person(3)
    assert Citizens(register, utc_now).confirm(person.national_code, person.birth_date) == record_of(person)
