"""Ranges of serials: what is one, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuance.stock.errors import InvalidRangeError
from issuance.stock.ranges import MAX_BODIES, MAX_RANGES, as_texts, count, parse_ranges, serial_text, serials

SERIALS = st.integers(0, 2**32 - 1)


@given(st.sets(st.integers(0, 500), min_size=1, max_size=60))
def test_ranges_hold_what_was_put_in(numbers: set[int]) -> None:
    ranges = parse_ranges([[serial_text(number)] * 2 for number in numbers])
    assert list(serials(ranges)) == [serial_text(number) for number in sorted(numbers)]
    assert count(ranges) == len(numbers)
    assert parse_ranges(as_texts(ranges)) == ranges


@given(SERIALS, st.integers(0, MAX_BODIES - 1))
def test_a_range_has_both_its_ends(first: int, more: int) -> None:
    last = min(first + more, 2**32 - 1)
    ranges = parse_ranges([[serial_text(first), serial_text(last)]])
    assert count(ranges) == last - first + 1


def test_persian_digits_are_digits() -> None:
    assert as_texts(parse_ranges([["۰۰۰۰۰۰۰۰۰۷", "٠٠٠٠٠٠٠٠٠٩"]])) == [["0000000007", "0000000009"]]


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [[]],
        [["0000000001"]],
        [["0000000001", "0000000002", "0000000003"]],
        [["0000000002", "0000000001"]],
        [["000000001", "0000000002"]],
        [["00000000001", "0000000002"]],
        [["000000000x", "0000000002"]],
        [["+000000001", "0000000002"]],
        [["000000000²", "0000000002"]],
        [[" 000000001", "0000000002"]],
        [["4294967296", "4294967296"]],
        [["0000000001", "0000000005"], ["0000000005", "0000000009"]],
        [["0000000001", "0000000009"], ["0000000003", "0000000004"]],
        [["0000000000", serial_text(MAX_BODIES)]],
        [[serial_text(2 * number)] * 2 for number in range(MAX_RANGES + 1)],
    ],
    ids=lambda texts: f"{len(texts)} ranges",
)
def test_what_is_no_range(texts: list[list[str]]) -> None:
    with pytest.raises(InvalidRangeError):
        parse_ranges(texts)
