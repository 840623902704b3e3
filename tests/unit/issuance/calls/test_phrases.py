"""One phrase, however it is typed; and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuance.calls.phrases import LONGEST, MAX_TYPED, normalise
from issuance.errors import InvalidInputError

SPELLINGS = (
    "کتابِ قدیمی ۱۲",
    "كتاب قديمي 12",  # Arabic kaf and yeh
    "کتاب قدیمی ١٢",  # Arabic digits
    "کتاب\u200cقدیمی۱۲",  # a joiner for the space
    "  کِتاب   قَدیمی  ۱۲ ",
    "کتاب‌ قدیمی\u200f ۱۲",
)


@pytest.mark.parametrize("typed", SPELLINGS)
def test_one_phrase(typed: str) -> None:
    assert normalise(typed) == "کتابقدیمی12"


def test_latin_letters_of_any_size() -> None:
    assert normalise("Blue Heron 7") == normalise("blue  heron ۷")


@pytest.mark.parametrize(
    "typed", ["", "   ", "کتاب", "\u200c" * 20, "ًًًًًًًًًًً", "aaaaaaaaaa", "1111 1111", "x" * 65, "x" * 300]
)
def test_what_is_none(typed: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        normalise(typed)
    assert typed.strip() == "" or typed not in str(refused.value)


@given(st.text(max_size=MAX_TYPED + 50))
def test_normalising_twice_changes_nothing(typed: str) -> None:
    try:
        plain = normalise(typed)
    except InvalidInputError:
        return
    assert normalise(plain) == plain
    assert len(plain) <= LONGEST
