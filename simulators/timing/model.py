"""A card that takes the time that hardware would: on the line, at its arithmetic, in its memory."""

from simulators.card.meter import Work
from simulators.clock import Clock
from simulators.readers.vpcd import Card
from simulators.readers.wrapped import WrappedCard
from simulators.timing.costs import Costs
from simulators.timing.line import Ta1, line_seconds


class TimedMeter:
    """Spends the time of the chip's work on a clock; give it to the `SimulatedCard`."""

    def __init__(self, clock: Clock, costs: Costs) -> None:
        self._clock = clock
        self._costs = costs

    def works(self, work: Work) -> None:
        """Spends an operation's time."""
        self._clock.sleep(self._costs.work(work))

    def writes(self) -> None:
        """Spends a write's time."""
        self._clock.sleep(self._costs.write())


class TimedLine(WrappedCard):
    """Stands between a reader and `card`, and spends the time of the bytes that pass."""

    def __init__(self, card: Card, clock: Clock, ta1: Ta1) -> None:
        super().__init__(card)
        self._clock = clock
        self._ta1 = ta1

    def transmit(self, command: bytes) -> bytes:
        """The card's answer, after its way there and back."""
        self._clock.sleep(line_seconds(len(command), self._ta1))
        answer = self._card.transmit(command)
        self._clock.sleep(line_seconds(len(answer), self._ta1))
        return answer
