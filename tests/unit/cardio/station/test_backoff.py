"""Pauses before the next try to reach the hub: apart from each other, and never longer than is said."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardio.station.backoff import FIRST_S, LONGEST_S, waits


def test_they_double_up_to_the_longest() -> None:
    pauses = list(islice(waits(lambda: 1.0), 9))
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert (FIRST_S, LONGEST_S) == (0.5, 30)


def test_a_longest_below_the_first_one_holds_at_once() -> None:
    assert list(islice(waits(lambda: 1.0, 0.1), 3)) == [0.1, 0.1, 0.1]


@given(st.floats(0, 1, exclude_max=True), st.floats(0.1, 3600))
def test_chance_takes_at_most_half_of_a_pause_away(chance: float, longest: float) -> None:
    whole = list(islice(waits(lambda: 1.0, longest), 12))
    for pause, most in zip(waits(lambda: chance, longest), whole, strict=False):
        assert most / 2 <= pause <= most <= longest


@pytest.mark.parametrize("longest", [FIRST_S, LONGEST_S, 3600.0])
def test_the_longest_is_reached(longest: float) -> None:
    assert longest in islice(waits(lambda: 1.0, longest), 15)
