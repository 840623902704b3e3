"""Places for people at stations: none waits for one, an office has so many, and each is given back."""

import threading
from collections.abc import Iterator
from concurrent.futures import wait

import pytest

from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.stations.counters import Counters
from issuance.stations.errors import CountersBusyError

HERE, THERE = (Actor("clerk-1", Role.CLERK, office) for office in ("1", "2"))


@pytest.fixture
def counters() -> Iterator[Counters]:
    opened = Counters(most=4, most_of_an_office=3)
    yield opened
    opened.close()


def test_an_offices_places_are_its_own_and_all_are_bounded(counters: Counters) -> None:
    typed = threading.Event()
    begun = [counters.begin(HERE, typed.wait) for _ in range(3)]
    with pytest.raises(CountersBusyError):
        counters.begin(HERE, typed.wait)
    begun.append(counters.begin(THERE, typed.wait))
    with pytest.raises(CountersBusyError):
        counters.begin(THERE, typed.wait)
    typed.set()
    wait(begun)
    assert counters.begin(HERE, int, "7").result() == 7


def test_who_fails_gives_the_place_back(counters: Counters) -> None:
    for _ in range(9):
        with pytest.raises(ValueError, match="invalid literal"):
            counters.begin(HERE, int, "no number").result()


def test_what_ends_lets_nobody_in(counters: Counters) -> None:
    counters.close()
    for _ in range(9):
        with pytest.raises(RuntimeError):
            counters.begin(HERE, int)
