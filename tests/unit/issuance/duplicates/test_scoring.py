"""Who is taken for the same person, and who is not."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuance.duplicates.scoring import THRESHOLD, Traits, agreement, score
from issuance.registry.dates import parse_date
from issuance.registry.datevariants import DateSlip, slip_between, variants
from issuance.registry.namekeys import pair_key, skeleton

BORN = parse_date("1369/04/12")
LETTERS = st.text("ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهیآ", min_size=1, max_size=12)


def person(given_name: str, surname: str, father: str = "کیان", born: date = BORN, sex: str = "M") -> Traits:
    return Traits(skeleton(given_name), skeleton(surname), skeleton(father), born, sex)


SOMEBODY = person("آرش", "طاهری")


def points(other: Traits, one: Traits = SOMEBODY) -> int:
    assert score(one, other) == score(other, one)
    return score(one, other).points


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("طاهری", "تاهری"),
        ("صابری", "سابری"),
        ("ثابت", "صابط"),
        ("ذاکری", "زاکری"),
        ("رضایی", "رزائی"),
        ("ظریف", "ضریف"),
        ("حسینی", "هسینی"),
        ("قزوینی", "غزوینی"),
        ("عباسی", "اباسی"),
        ("آذری", "ازری"),
        ("مؤمنی", "مومنی"),
        ("ژاله‌پور", "ژاله پور"),
        ("مُحَمَّدی", "محمدی"),
        ("علي", "علی"),
        ("كاكاوند\u200f", "کاکاوند"),
    ],
)
def test_names_that_sound_alike_match(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)
    assert points(person("آرش", one), person("آرش", other)) == 100


@pytest.mark.parametrize(
    ("one", "other"),
    [("احمدی", "محمدی"), ("حسنی", "حسینی"), ("کریمی", "رحیمی"), ("نوری", "پوری"), ("صفری", "جعفری")],
)
def test_names_that_only_look_alike_do_not(one: str, other: str) -> None:
    assert points(person("آرش", one), person("آرش", other)) < THRESHOLD


def test_a_slip_in_a_long_name_is_judged() -> None:
    assert points(person("آرش", "شیخ‌الاسلامی"), person("آرش", "شیخ‌الاسلامی".replace("م", "ن"))) >= THRESHOLD


def test_names_that_changed_places() -> None:
    swapped = score(SOMEBODY, person("تاهری", "ارش"))
    assert swapped.points >= THRESHOLD
    assert "name_swapped" in swapped.causes
    assert pair_key("آرش", "طاهری") == pair_key("تاهری", "ارش")


@pytest.mark.parametrize(
    ("text", "slip"),
    [
        ("1369/04/12", DateSlip.SAME),
        ("1369/04/13", DateSlip.NEXT_DAY),
        ("1369/04/11", DateSlip.NEXT_DAY),
        ("1369/12/04", DateSlip.DAY_AND_MONTH),
        ("1359/04/12", DateSlip.ONE_DIGIT),
        ("1369/04/22", DateSlip.ONE_DIGIT),
        ("1369/01/01", DateSlip.PARTIAL),
        ("1990-03-07", DateSlip.DAY_AND_MONTH),
        ("1980-07-03", DateSlip.ONE_DIGIT),
    ],
)
def test_slips_of_the_pen_in_both_calendars(text: str, slip: DateSlip) -> None:
    assert date(1990, 7, 3) == BORN
    other = parse_date(text)
    assert slip_between(BORN, other) is slip
    assert slip_between(other, BORN) is not None
    assert points(replace(SOMEBODY, birth_date=other)) >= THRESHOLD


@pytest.mark.parametrize("text", ["1369/08/25", "1340/01/02", "1351/11/29"])
def test_another_date_is_another_person(text: str) -> None:
    assert points(replace(SOMEBODY, birth_date=parse_date(text))) < THRESHOLD


def test_the_rest_counts_too() -> None:
    assert points(replace(SOMEBODY, father_key=skeleton("داریوش"))) == 90
    assert points(replace(SOMEBODY, sex="F")) == 85
    twin = person("آرمین", "طاهری")
    assert points(twin) < THRESHOLD


def test_a_single_name() -> None:
    single = person("", "آرش")
    assert points(single, single) == 100
    assert points(single) < THRESHOLD


@given(LETTERS, LETTERS, LETTERS, st.dates(date(1900, 1, 1), date(2030, 1, 1)))
def test_everybody_is_alike_to_themselves(given_name: str, surname: str, father: str, born: date) -> None:
    somebody = person(given_name, surname, father, born)
    assert score(somebody, somebody).points == 100


@given(LETTERS, LETTERS, LETTERS, LETTERS, st.integers(-40, 40))
def test_scores_are_bounded_and_go_both_ways(a: str, b: str, c: str, d: str, days: int) -> None:
    one, other = person(a, b), person(c, d, born=BORN + timedelta(days=days))
    assert 0 <= points(other, one) <= 100


@given(LETTERS, LETTERS)
def test_agreement_is_a_share(one: str, other: str) -> None:
    assert 0 <= agreement(skeleton(one), skeleton(other)) <= 1
    assert agreement(skeleton(one), skeleton(one)) == 1


@given(st.dates(date(1900, 1, 1), date(2030, 1, 1)))
def test_there_are_few_variants_of_a_date(day: date) -> None:
    found = variants(day)
    assert found[day] is DateSlip.SAME
    assert 20 < len(found) < 200
