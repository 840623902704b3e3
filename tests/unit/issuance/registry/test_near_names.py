"""Words one slip apart share something of what is left of them, and no others count as near."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from issuance.registry.nearnames import SHORTEST, errors, remains

WORDS = st.text("ابتسر", max_size=12)


@given(WORDS, WORDS)
def test_near_words_are_found_by_equality(one: str, other: str) -> None:
    counted = errors(one, other)
    if counted is not None:
        assert remains(one) & remains(other)
    assert (counted == 0) == (one == other)


@given(WORDS, st.integers(0, 11), st.sampled_from("ابتسر"))
def test_each_slip_is_near(word: str, place: int, letter: str) -> None:
    assume(len(word) > SHORTEST and place < len(word) - 1)
    for slip in (
        word[:place] + letter + word[place + 1 :],
        word[:place] + letter + word[place:],
        word[:place] + word[place + 1 :],
        word[:place] + word[place + 1] + word[place] + word[place + 2 :],
    ):
        assert errors(word, slip) == min(1, OSA.distance(word, slip))


@pytest.mark.parametrize(
    ("one", "other"),
    [("احمدی", "محمودی"), ("طاهری", "زاهدی"), ("ab", "ac"), ("", "a"), ("a" * 101, "a" * 100)],
)
def test_what_is_not_near(one: str, other: str) -> None:
    assert errors(one, other) is None


def test_a_word_of_no_end_is_kept_once() -> None:
    assert remains("a" * 10_000) == {"a" * 10_000}
