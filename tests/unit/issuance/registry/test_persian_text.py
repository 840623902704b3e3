"""Arabic look-alikes, joiners and digits fold to one spelling."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuance.registry.text import ascii_digits, fold, persian_digits

ZWNJ = "\u200c"
LETTERS = st.text(
    alphabet="ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهیيىكـآأؤئة \u200c\u064b\u064e\u0651\u0670\u0653\u0654\t"
)


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("علي", "علی"),
        ("موسى", "موسی"),
        ("كريمي", "کریمی"),
        ("مُحَمَّد", "محمد"),
        ("رحـــمان", "رحمان"),
        ("  علی   اکبری ", "علی اکبری"),
        (f"علی{ZWNJ}{ZWNJ}اکبری", f"علی{ZWNJ}اکبری"),
        (f"{ZWNJ}علی {ZWNJ} اکبری{ZWNJ}", "علی اکبری"),
        ("ا\u0653ذری", "آذری"),  # alef and a separate madda compose
        ("", ""),
    ],
)
def test_folding(typed: str, folded: str) -> None:
    assert fold(typed) == folded


def test_a_row_of_joiners_is_read_once() -> None:
    """A megabyte of them, tried anew from each, would take hours."""
    row = "\u200c" * 1_000_000
    assert fold(f"{row}می{row}رود{row}") == "می\u200cرود"


@given(LETTERS)
def test_folding_twice_changes_nothing_more(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not set(once) & set("يىكـ")


@given(st.text())
def test_digits_there_and_back(text: str) -> None:
    assert ascii_digits(persian_digits(text)) == ascii_digits(text)
