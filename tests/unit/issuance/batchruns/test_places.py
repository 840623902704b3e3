"""Places of one server: for those who make cards now, and never all for one office."""

import pytest

from issuance.batchruns.errors import NoPlaceError
from issuance.batchruns.places import OF_AN_OFFICE, Places
from issuance.production.service import STATIONS


def readers(office: str, number: int) -> list[str]:
    return [f"{office}/{each}" for each in range(number)]


def test_no_office_takes_all() -> None:
    places = Places()
    with pytest.raises(NoPlaceError) as refused:
        places.take_all("1", readers("1", OF_AN_OFFICE + 1))
    assert refused.value.free == OF_AN_OFFICE
    places.take_all("1", readers("1", OF_AN_OFFICE))
    assert not places.take("1", "1/more")
    places.take_all("2", readers("2", STATIONS - OF_AN_OFFICE))


def test_together_they_take_no_more_than_there_are() -> None:
    places = Places()
    places.take_all("1", readers("1", OF_AN_OFFICE))
    with pytest.raises(NoPlaceError) as refused:
        places.take_all("2", readers("2", STATIONS - OF_AN_OFFICE + 1))
    assert refused.value.free == STATIONS - OF_AN_OFFICE
    places.take_all("2", readers("2", STATIONS - OF_AN_OFFICE))
    assert not places.take("3", "3/0")


def test_all_or_none() -> None:
    places = Places()
    with pytest.raises(NoPlaceError):
        places.take_all("1", readers("1", OF_AN_OFFICE + 1))
    places.take_all("1", readers("1", OF_AN_OFFICE))


def test_who_leaves_makes_room_once() -> None:
    places = Places()
    places.take_all("1", readers("1", OF_AN_OFFICE))
    assert places.take("1", "1/0")  # it has one already
    for _ in range(3):
        places.leave("1/0")
    assert places.take("1", "1/new")
    assert not places.take("1", "1/0")
