"""Local readers and those of stations, side by side."""

from collections.abc import Sequence
from typing import cast

import pytest

from cardio.station.wire import Reader
from cardio.transport.base import CardConnection, ReaderUnavailableError
from issuance.production.connection import CountingConnection, Job, JobReaders, connect_for
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


def hub_of(*lines: Connected) -> Hub:
    hub = Hub()
    for line in lines:
        assert hub.add(cast(Line, line))
    return hub


def test_names_of_both() -> None:
    hub = hub_of(Connected("st-2", "B"), Connected("st-1", "B", "A/1"))
    assert AllReaders(Local("A"), hub).names() == ["A", "st-1/A/1", "st-1/B", "st-2/B"]


def test_without_a_service_there_are_the_stations() -> None:
    local = Local(service=False)
    assert AllReaders(local, hub_of(Connected("st-1", "A"))).names() == ["st-1/A"]
    with pytest.raises(ReaderUnavailableError):
        AllReaders(local, hub_of()).names()


def test_no_station_stands_in_for_a_local_reader() -> None:
    local = Local("st-1/A")
    readers = AllReaders(local, hub_of(Connected("st-1", "A")))
    assert isinstance(readers, JobReaders)
    connect_for(readers, "st-1/A", Job("clerk-1"))
    assert local.connected == ["st-1/A"]


@pytest.mark.parametrize("service", [True, False])
def test_a_station_that_is_not_there_is_not_asked_for_here(service: bool) -> None:
    local = Local("A", service=service)
    with pytest.raises(ReaderUnavailableError):
        connect_for(AllReaders(local, hub_of()), "st-1/A", Job("clerk-1"))
    assert local.connected == []


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
