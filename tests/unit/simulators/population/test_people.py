import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from issuance.registry.nationalcode import validate
from simulators.population.people import QAZVIN_PREFIXES, People
from simulators.population.portrait import HEIGHT, WIDTH, draw_portrait
from simulators.population.register import SyntheticCivilRegister

PEOPLE = People(seed=1)


@given(st.integers(0, PEOPLE.size - 1))
def test_every_person_has_a_valid_code_that_leads_back_to_them(number: int) -> None:
    code = PEOPLE.national_code(number)
    assert validate(code) == code
    assert code[:3] in QAZVIN_PREFIXES
    assert PEOPLE.number(code) == number


@given(st.text("0123456789", min_size=10, max_size=10))
def test_any_code_is_nobodys_or_exactly_one_persons(code: str) -> None:
    number = PEOPLE.number(code)
    assert number is None or PEOPLE.national_code(number) == code


def test_codes_do_not_repeat() -> None:
    assert len({PEOPLE.national_code(number) for number in range(5000)}) == 5000


def test_a_seed_repeats_and_another_seed_differs() -> None:
    assert People(7).person(3) == People(7).person(3)
    assert [People(7).national_code(n) for n in range(20)] != [People(8).national_code(n) for n in range(20)]


def test_people_are_plausible() -> None:
    person = PEOPLE.person(12)
    assert date(1940, 1, 1) <= person.birth_date <= date(2008, 12, 31)
    assert person.given_name.latin.isascii()
    assert not person.given_name.persian.isascii()


@pytest.mark.parametrize("number", [-1, PEOPLE.size, PEOPLE.size + 1])
def test_nobody_outside_the_population(number: int) -> None:
    with pytest.raises(IndexError):
        PEOPLE.person(number)


@pytest.mark.parametrize("size", [0, -1, 12_000_001])
def test_an_impossible_population_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="12000000"):
        People(1, size)


def test_a_code_with_a_wrong_check_digit_is_nobodys() -> None:
    code = PEOPLE.national_code(0)
    wrong = code[:-1] + str((int(code[-1]) + 1) % 10)
    assert PEOPLE.number(wrong) is None


def test_a_code_beyond_a_small_population_is_nobodys() -> None:
    small = People(seed=1, size=10)
    assert small.number(PEOPLE.national_code(10)) is None
    assert small.number(PEOPLE.national_code(9)) == 9


def test_the_register_knows_its_people_only() -> None:
    register = SyntheticCivilRegister(PEOPLE)
    person = PEOPLE.person(4)
    record = register.find(person.national_code)
    assert record is not None
    assert (record.given_name, record.latin_surname) == (person.given_name.persian, person.surname.latin)
    assert register.find("0013542419") is None


def test_portraits_are_jpegs_that_repeat_and_differ() -> None:
    portrait = draw_portrait(PEOPLE.person(1))
    image = Image.open(io.BytesIO(portrait))
    assert (image.format, image.size) == ("JPEG", (WIDTH, HEIGHT))
    assert portrait == draw_portrait(PEOPLE.person(1))
    assert portrait != draw_portrait(PEOPLE.person(2))
