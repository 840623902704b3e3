"""`hoviat bench readers`: many readers at once, their cards as slow as hardware, against so many alone."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

from cardio.channel import KNOWN_EXTENDED_APDUS
from cardio.transport import pcsc
from simulators.card.card import SimulatedCard
from simulators.card.store import VolatileStore
from simulators.clock import RealClock
from simulators.load.cardwork import Blank, new_blank, personalise_blank
from simulators.load.result import Result
from simulators.readers.inprocess import InProcessReader
from simulators.timing.costs import Costs
from simulators.timing.line import Ta1
from simulators.timing.model import TimedLine, TimedMeter

_NAME = "readers"
_GOAL = 0.95
_TA1 = Ta1.X96
_COUNTS = (1, 4, 16)


class _Station(threading.Thread):
    """One reader, personalising one card after the other."""

    def __init__(self, reader: InProcessReader, blanks: list[Blank], start: threading.Barrier) -> None:
        super().__init__(daemon=True)
        self._reader = reader
        self._blanks = blanks
        self._start = start
        self.done = 0

    def run(self) -> None:
        """Personalises the blanks."""
        clock = RealClock()
        self._start.wait()
        for blank in self._blanks:
            card = SimulatedCard(VolatileStore(blank.state), meter=TimedMeter(clock, Costs()))
            self._reader.insert(TimedLine(card, clock, _TA1))
            with pcsc.connect(self._reader.name) as connection:
                personalise_blank(connection, blank, KNOWN_EXTENDED_APDUS)
            self.done += 1


def measure(cards: int) -> Iterator[Result]:
    """`cards` cards in each of 1, 4 and 16 readers, in real time."""
    single = _rate(1, cards)
    for count in _COUNTS:
        rate = single if count == 1 else _rate(count, cards)
        case = f"{count} at once, median card at TA1={_TA1:X}, in real time"
        limit_is = f"{count} times one reader alone"
        yield Result(_NAME, case, rate, "cards/s", count * single, limit_is, _GOAL if count > 1 else None)


def _rate(count: int, cards: int) -> float:
    start = threading.Barrier(count + 1)
    with ExitStack() as stack:
        stations = [
            _Station(
                stack.enter_context(InProcessReader(f"Hoviat Bench Reader {uuid4()}")),
                [new_blank() for _ in range(cards)],
                start,
            )
            for _ in range(count)
        ]
        for station in stations:
            station.start()
        start.wait()
        began = time.perf_counter()
        for station in stations:
            station.join()
        seconds = time.perf_counter() - began
    if any(station.done != cards for station in stations):
        raise RuntimeError("a card of the benchmark was not personalised")
    return count * cards / seconds
