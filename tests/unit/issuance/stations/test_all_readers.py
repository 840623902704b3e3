"""Local readers and those of stations, side by side."""

from collections.abc import Sequence
from typing import cast

import pytest

from cardio.station.wire import Reader
from cardio.transport.base import CardConnection, ReaderUnavailableError
from issuance.errors import NotFoundError
from issuance.production.connection import (
    CountingConnection,
    Job,
    JobReaders,
    OfficeReaders,
    connect_for,
    names_at,
    require_at,
)
from issuance.stations.hub import AllReaders, Hub
from issuance.stations.line import Line
from tests.unit.cardio.test_batches import FarCard, PlainCard


class Local:
    """Readers of this machine; None: no PC/SC service."""

    def __init__(self, *names: str, service: bool = True) -> None:
        self._names = names
        self._service = service
        self.connected: list[str] = []

    def names(self) -> Sequence[str]:
        if not self._service:
            raise ReaderUnavailableError("PC/SC", "no service")
        return self._names

    def connect(self, name: str) -> CardConnection:
        self.connected.append(name)
        return PlainCard()


class Connected:
    """A line as far as names go."""

    def __init__(self, station: str, *readers: str) -> None:
        self.station = station
        self.readers = tuple(Reader(name=name, atr=None, movements=0) for name in readers)


OFFICES = {"st-1": "1", "st-2": "2", "gone": "1"}


def hub_of(*lines: Connected) -> Hub:
    hub = Hub()
    for line in lines:
        assert hub.add(cast(Line, line))
    return hub


def test_names_of_both() -> None:
    hub = hub_of(Connected("st-2", "B"), Connected("st-1", "B", "A/1"))
    assert AllReaders(Local("A"), hub, OFFICES.get).names() == ["A", "st-1/A/1", "st-1/B", "st-2/B"]


def test_without_a_service_there_are_the_stations() -> None:
    local = Local(service=False)
    assert AllReaders(local, hub_of(Connected("st-1", "A")), OFFICES.get).names() == ["st-1/A"]
    with pytest.raises(ReaderUnavailableError):
        AllReaders(local, hub_of(), OFFICES.get).names()


def test_no_station_stands_in_for_a_local_reader() -> None:
    local = Local("st-1/A")
    readers = AllReaders(local, hub_of(Connected("st-1", "A")), OFFICES.get)
    assert isinstance(readers, JobReaders)
    connect_for(readers, "st-1/A", Job("clerk-1"))
    assert local.connected == ["st-1/A"]


@pytest.mark.parametrize("service", [True, False])
def test_a_station_that_is_not_there_is_not_asked_for_here(service: bool) -> None:
    local = Local("A", service=service)
    with pytest.raises(ReaderUnavailableError):
        connect_for(AllReaders(local, hub_of(), OFFICES.get), "st-1/A", Job("clerk-1"))
    assert local.connected == []


def test_an_office_has_its_own_readers() -> None:
    hub = hub_of(Connected("st-2", "B"), Connected("st-1", "A"), Connected("st-10", "A"))
    readers = AllReaders(Local("A"), hub, OFFICES.get)
    assert isinstance(readers, OfficeReaders)
    assert names_at(readers, "1") == ["A", "st-1/A"]
    assert names_at(readers, "2") == ["st-2/B"]
    assert names_at(readers, "3") == []
    moved = AllReaders(Local("A"), hub, OFFICES.get, local_office="2")
    assert moved.names_at("2") == ["A", "st-2/B"]


def test_an_office_without_this_machine_needs_no_service_here() -> None:
    readers = AllReaders(Local(service=False), hub_of(), OFFICES.get)
    assert readers.names_at("2") == []
    with pytest.raises(ReaderUnavailableError):
        readers.names_at("1")


@pytest.mark.parametrize(
    ("office", "name"),
    [
        ("2", "A"),
        ("2", "st-1/A"),
        ("1", "st-2/B"),
        ("1", "nobody/A"),
        ("1", "/A"),
        ("3", "A"),
        ("", "st-2/B"),
    ],
)
def test_anothers_reader_is_not_there(office: str, name: str) -> None:
    hub = hub_of(Connected("st-1", "A"), Connected("st-2", "B"))
    with pytest.raises(NotFoundError):
        require_at(AllReaders(Local("A"), hub, OFFICES.get), office, name)


@pytest.mark.parametrize(("office", "name"), [("1", "A"), ("1", "st-1/A"), ("2", "st-2/B"), ("1", "gone/A")])
def test_ones_own_reader_may_be_used(office: str, name: str) -> None:
    """Whether it answers is found out by connecting."""
    hub = hub_of(Connected("st-1", "A"), Connected("st-2", "B"))
    require_at(AllReaders(Local("A"), hub, OFFICES.get), office, name)


def test_a_local_name_with_a_stroke_is_this_machines() -> None:
    readers = AllReaders(Local("st-2/B"), hub_of(Connected("st-2", "B")), OFFICES.get)
    require_at(readers, "1", "st-2/B")
    with pytest.raises(NotFoundError):
        require_at(readers, "2", "st-2/B")


def test_one_line_a_station() -> None:
    first, second = (cast(Line, Connected("st-1", "A")) for _ in range(2))
    hub = Hub()
    assert hub.add(first)
    assert not hub.add(second)
    hub.remove(second)
    assert hub.line("st-1") is first
    hub.remove(first)
    assert hub.add(second)


def test_counting_near_and_far() -> None:
    near, far = CountingConnection(PlainCard()), CountingConnection(FarCard(PlainCard()))
    commands = [bytes(4)] * 3
    assert (near.max_batch, far.max_batch) == (1, 16)
    assert (len(near.transmit_all(commands)), near.apdus) == (1, 1)
    assert (len(far.transmit_all(commands)), far.apdus) == (3, 3)
