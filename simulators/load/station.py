"""`hoviat bench station`: a card made through a station over a slow network, against a local reader."""

import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from cardio.station.enrolling import enrol
from issuance.offices.models import FIRST_OFFICE
from issuance.stations.line import Line
from simulators.actors.issue import (
    ADMINISTRATOR,
    Staff,
    enrol_someone,
    produce,
    signed_in,
)
from simulators.actors.operator import Operator, first_password
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.depot import take_in
from simulators.factory import make_blank
from simulators.faults.delay import slow_link
from simulators.installation.server import create_app, running
from simulators.installation.services import Installation, initialise, open_installation
from simulators.installation.stations import stations_served
from simulators.load.result import Result
from simulators.readers.choice import OccupiedReader, ReaderKind
from simulators.readers.inprocess import InProcessReader
from simulators.stations.process import agent_process, reader_of, wait_until

_NAME = "station"
_STATION = "bench"
_DELAYS_S = (0.025, 0.05)
"""One way: 50 ms there and back, 50 ms each way."""
_MOST_S = 3.0


@dataclass(frozen=True)
class _Card:
    """What a card took: seconds, steps that spoke with it, and round trips where it was far away."""

    seconds: float
    steps: int
    round_trips: int = 0


@dataclass(frozen=True)
class _Shop:
    installation: Installation
    staff: Staff
    hub: str
    directory: Path
    numbers: Iterator[int]

    def approved(self) -> tuple[str, Path]:
        """An application that waits for its card, and a blank."""
        _, application = enrol_someone(self.staff, self.installation.people, self.numbers)
        self.staff.supervisor.approve(application)
        blank = make_blank(self.installation.home.cards, self.installation.pki.master_keys["factory"])
        take_in(self.installation.issuance, [blank])
        return application, blank

    def made(self, application: str, reader: str) -> "_Card":
        """A production."""
        began = time.perf_counter()
        production = produce(self.staff, application, OccupiedReader(ReaderKind.IN_PROCESS, reader))
        seconds = time.perf_counter() - began
        return _Card(seconds, sum(step["apdus"] > 0 for step in production["steps"]))


def measure(cards: int) -> Iterator[Result]:
    """Makes `cards` cards at a local reader, and as many through a station for each delay."""
    with _open_shop() as shop:
        local = statistics.median(_local(shop).seconds for _ in range(cards + 1))
        for delay in _DELAYS_S:
            far = [_far(shop, delay) for _ in range(cards + 1)][1:]  # the reader's kind is learnt
            more = statistics.median(card.seconds for card in far) - local
            case = f"{delay * 1000:.0f} ms one way"
            yield Result(_NAME, case, more, "s more/card", _MOST_S, "what it may take", 1.0, counts=True)
        trips, steps = far[0].round_trips, far[0].steps + 1
        one_each = "one to begin, and one a step that speaks with the card"
        yield Result(_NAME, "any delay", trips, "round trips/card", steps, one_each, counts=True)


@contextmanager
def _open_shop() -> Iterator[_Shop]:
    with tempfile.TemporaryDirectory(prefix="hoviat-bench-") as folder:
        root = Path(folder) / "home"
        initialise(root)
        with (
            open_installation(root) as installation,
            running(create_app(installation)) as server,
            signed_in(installation.home, server) as staff,
            stations_served(installation) as hub,
        ):
            directory = Path(folder) / "station"
            enrol(server, _code(installation, server), directory)
            yield _Shop(installation, staff, hub, directory, itertools.count())


def _code(installation: Installation, server: str) -> str:
    administrator = Operator(server, ADMINISTRATOR, first_password(installation.home, ADMINISTRATOR))
    try:
        administrator.add_station(_STATION, FIRST_OFFICE)
        return administrator.station_code(_STATION)
    finally:
        administrator.close()


def _local(shop: _Shop) -> _Card:
    application, blank = shop.approved()
    with CardFile.open(blank) as file, InProcessReader("Hoviat Bench Reader") as reader:
        reader.insert(SimulatedCard(file))
        return shop.made(application, reader.name)


def _far(shop: _Shop, delay_s: float) -> _Card:
    application, blank = shop.approved()
    address = urlsplit(shop.hub)
    with slow_link(address.hostname or "", address.port or 0, delay_s) as (_, port):
        hub = f"wss://{address.hostname}:{port}"
        with agent_process(hub, shop.directory, blank, quiet=True):
            reader = reader_of(_STATION, shop.staff.clerk.readers)
            line = _line(shop)
            before = line.round_trips
            made = shop.made(application, reader)
            trips = line.round_trips - before
    wait_until(lambda: shop.installation.issuance.hub.line(_STATION) is None)
    return replace(made, round_trips=trips)


def _line(shop: _Shop) -> Line:
    line = shop.installation.issuance.hub.line(_STATION)
    if line is None:
        raise LookupError("the station has gone")
    return line
