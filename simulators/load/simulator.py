"""`hoviat bench simulator`: how fast the simulated card is, in process and behind the real pcscd."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

from cardio.channel import KNOWN_EXTENDED_APDUS
from cardio.transport import pcsc
from cardio.transport.base import CardConnection, ReaderBusyError, ReaderUnavailableError
from simulators.card.card import ATR, SimulatedCard
from simulators.card.store import VolatileStore
from simulators.load.cardwork import Blank, cryptography_alone, new_blank, personalise_blank
from simulators.load.places import say_missing
from simulators.load.result import Result
from simulators.readers.errors import ReaderSimulationError
from simulators.readers.inprocess import InProcessReader
from simulators.readers.pcscd import pcscd_service
from simulators.readers.slots import VpcdSlot
from simulators.readers.vpcd import DEFAULT_PORT, Card

_NAME = "simulator"
_GET_DISCOVERY = bytes.fromhex("00CB3FFF035C017E00")
_DISCOVERY_BYTES = 22
_GOAL_SHARE = 0.7
_GOAL_BEHIND_PCSCD = 2_000.0  # APDUs/s
_ROUNDS = 5


class ConstantCard:
    """Answers every command with as many bytes as the measured one, and does nothing."""

    atr = ATR

    def power_on(self) -> bytes:
        """Nothing to power."""
        return ATR

    def power_off(self) -> None:
        """Nothing to power off."""

    def reset(self) -> bytes:
        """Nothing to reset."""
        return ATR

    def transmit(self, _command: bytes) -> bytes:
        """The constant."""
        return bytes(_DISCOVERY_BYTES - 2) + b"\x90\x00"


def measure(apdus: int, cards: int) -> Iterator[Result]:
    """`apdus` commands in each stack; `cards` blanks personalised in process."""
    yield from _in_process(apdus)
    yield from _behind_pcscd(apdus)
    yield from _personalised(cards)


def _blank_card() -> SimulatedCard:
    return SimulatedCard(VolatileStore(new_blank().state))


def _in_process(apdus: int) -> Iterator[Result]:
    with ExitStack() as stack:
        connections = []
        for card in (_blank_card(), ConstantCard()):
            reader = stack.enter_context(InProcessReader(f"Hoviat Bench Reader {uuid4()}"))
            reader.insert(card)
            connections.append(stack.enter_context(pcsc.connect(reader.name)))
        figure, limit = _in_turns(connections[0], connections[1], apdus)
    yield Result(_NAME, "in process, GET DATA", figure, "APDUs/s", limit, "a card that answers a constant")


def _behind_pcscd(apdus: int) -> Iterator[Result]:
    try:
        with pcscd_service():
            rates = [_rate_in_slot(card, apdus) for card in (_blank_card(), ConstantCard())]
    except (ReaderSimulationError, ReaderUnavailableError, ReaderBusyError) as error:
        say_missing(f"pcscd and vpcd: {error}")
        return
    yield Result(
        _NAME,
        "pcscd and vpcd, GET DATA",
        rates[0],
        "APDUs/s",
        rates[1],
        "a card that answers a constant, same stack",
        _GOAL_BEHIND_PCSCD,
        goal_is_figure=True,
    )


def _rate_in_slot(card: Card, apdus: int) -> float:
    slot = VpcdSlot(DEFAULT_PORT)
    slot.insert(card)
    try:
        with pcsc.connect(slot.name) as connection:
            return _rate(connection, apdus)
    finally:
        slot.remove()


def _in_turns(first: CardConnection, second: CardConnection, apdus: int) -> tuple[float, float]:
    """Each in rounds after the other, so that a noisy neighbour disturbs both; the harmonic means."""
    slowness = [0.0, 0.0]
    for _ in range(_ROUNDS):
        for number, connection in enumerate((first, second)):
            slowness[number] += 1 / _rate(connection, apdus // _ROUNDS)
    return _ROUNDS / slowness[0], _ROUNDS / slowness[1]


def _rate(connection: CardConnection, apdus: int) -> float:
    began = time.perf_counter()
    for _ in range(apdus):
        connection.transmit(_GET_DISCOVERY)
    return apdus / (time.perf_counter() - began)


def _personalised(cards: int) -> Iterator[Result]:
    """One card is personalised for warming up; then a card and its cryptography in turns, see `_in_turns`."""
    blanks = [new_blank() for _ in range(1 + cards)]
    with InProcessReader(f"Hoviat Bench Reader {uuid4()}") as reader:
        _seconds(reader, blanks.pop())
        seconds = alone = 0.0
        for blank in blanks:
            seconds += _seconds(reader, blank)
            alone += cryptography_alone(1)
    case = "personalised in process, P-256 + P-384, through SCP03"
    limit_is = "its cryptography alone, both sides"
    yield Result(_NAME, case, cards / seconds, "cards/s", cards / alone, limit_is, _GOAL_SHARE)


def _seconds(reader: InProcessReader, blank: Blank) -> float:
    reader.insert(SimulatedCard(VolatileStore(blank.state)))
    with pcsc.connect(reader.name) as connection:
        began = time.perf_counter()
        personalise_blank(connection, blank, KNOWN_EXTENDED_APDUS)
        return time.perf_counter() - began
