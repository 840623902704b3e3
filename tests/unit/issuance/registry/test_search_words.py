"""What a clerk's words are taken for."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuance.registry.namekeys import dated, pair_key
from issuance.registry.search import MOST_WORDS, Wanted, wanted

BORN = date(1990, 7, 3)


@pytest.mark.parametrize(
    "typed", ["0084575948", "84575948", "۰۰۸۴۵۷۵۹۴۸", " 008-457-5948 ", "\u200f٠٠٨٤٥٧٥٩٤٨"]
)
def test_a_national_code(typed: str) -> None:
    assert wanted(typed) == Wanted("0084575948")


def test_two_names_in_any_order_as_they_sound() -> None:
    assert wanted("آرش طاهری").pairs == [pair_key("آرش", "طاهری")]
    assert wanted("تاهري  ارش").pairs == wanted("آرش طاهری").pairs


def test_more_words_fall_into_two_at_each_place() -> None:
    assert wanted("علی رضا موسوی نژاد").pairs == [
        pair_key("علی", "رضاموسوینژاد"),
        pair_key("علیرضا", "موسوینژاد"),
        pair_key("علیرضاموسوی", "نژاد"),
    ]


@pytest.mark.parametrize("day", ["1990-07-03", "1369/04/12", "۱۳۶۹/۴/۱۲"])
def test_with_a_birth_date_one_name_is_enough(day: str) -> None:
    alone = wanted(f"طاهری {day}")
    assert (alone.pairs, alone.dated_names) == ([], [dated("تاهری", BORN)])
    assert wanted(f"{day} آرش طاهری").pairs == [dated(pair_key("آرش", "طاهری"), BORN)]


@pytest.mark.parametrize(
    "words", ["طاهری", "", " \u200c ", "1369/04/12", "! ?", "آ " * (MOST_WORDS + 1), "%_"]
)
def test_what_finds_nobody(words: str) -> None:
    found = wanted(words)
    assert (found.national_code, found.pairs, found.dated_names) == (None, [], [])


@given(st.text(max_size=200))
def test_any_words_are_read(words: str) -> None:
    found = wanted(words)
    assert len(found.pairs) < MOST_WORDS
    assert len(found.dated_names) <= 1
