"""Two readers: cards are tapped in and pulled out while two users work at both and one program watches."""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from cardio.piv.session import PivSession
from cardio.piv.slots import Algorithm, PublicKey, Slot
from cardio.transport import pcsc
from cardio.transport.base import TransportError
from cardio.transport.watching import CardInserted, CardRemoved, CardWatch, Event
from simulators.card.blank import create_blank
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.control.conditions import Conditions
from simulators.control.desk import Desk
from simulators.readers.inprocess import InProcessReader
from simulators.readers.pcscd import pcscd_service
from simulators.readers.slots import VpcdSlot
from simulators.readers.vpcd import SLOTS
from tests.contract.media import PIN, PUK, TRANSPORT_PIN

PATIENCE_S = 60.0
ALL_S = 120.0
SLOT_WAIT_S = 100.0  # other test runs of this machine may have a card in
LOOK_S = 0.05
SERIALS = 30_444_001, 30_444_002


@dataclass(frozen=True)
class Made:
    """A card's file, and its key 9A."""

    file: Path
    serial: int
    key: PublicKey


@dataclass(frozen=True)
class Seat:
    """A reader with a card of its own, the hand there, and what users tell that hand."""

    reader: str
    card: Made
    put_in: Callable[[], None]
    take_out: Callable[[], None]
    at_work: threading.Event = field(default_factory=threading.Event)
    signed: threading.Event = field(default_factory=threading.Event)

    def work(self) -> None:
        """What a user does with the card: all in one transaction."""
        with pcsc.connect(self.reader) as connection, connection.transaction():
            session = PivSession(connection)
            self.at_work.set()
            assert session.card_serial() == self.card.serial
            session.verify_pin(PIN)
            session.sign(Slot.AUTHENTICATION, self.card.key, b"message", SHA256())
            self.signed.set()


class Crew:
    """Threads that must all come to an end, without an error."""

    def __init__(self) -> None:
        self._errors: list[BaseException] = []
        self._threads: list[threading.Thread] = []

    def start(self, job: Callable[[], None]) -> None:
        def run() -> None:
            try:
                job()
            except BaseException as error:  # noqa: BLE001 - told to the test by `join`
                self._errors.append(error)

        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def at_work(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE_S)
        assert not self.at_work(), "deadlock"
        if self._errors:
            raise self._errors[0]


@pytest.fixture
def cards(tmp_path: Path) -> list[Made]:
    return [_made(tmp_path / f"{serial}.card", serial) for serial in SERIALS]


def _made(path: Path, serial: int) -> Made:
    management_key = os.urandom(32)
    create_blank(path, serial, TRANSPORT_PIN, PUK, management_key)
    with CardFile.open(path) as file, InProcessReader(f"Factory {uuid4()}") as reader:
        reader.insert(SimulatedCard(file))
        with pcsc.connect(reader.name) as connection:
            session = PivSession(connection)
            session.change_pin(TRANSPORT_PIN, PIN)
            session.authenticate_management(management_key)
            key = session.generate_key(Slot.AUTHENTICATION, Algorithm.ECC_P256)
    return Made(path, serial, key)


@pytest.fixture
def in_process(cards: list[Made]) -> Iterator[list[Seat]]:
    with ExitStack() as stack:
        yield [_seat_in_process(stack, made) for made in cards]


def _seat_in_process(stack: ExitStack, made: Made) -> Seat:
    card = SimulatedCard(stack.enter_context(CardFile.open(made.file)))
    reader = stack.enter_context(InProcessReader(f"Tapped {uuid4()}"))
    return Seat(reader.name, made, lambda: reader.insert(card), reader.remove)


@pytest.fixture
def over_pcscd(cards: list[Made], tmp_path: Path) -> Iterator[list[Seat]]:
    """Both slots of the virtual reader, on the desk that `hoviat sim readers serve` has."""
    with pcscd_service(), ExitStack() as stack:
        desk = Desk([VpcdSlot(port, SLOT_WAIT_S) for port in SLOTS], tmp_path)
        stack.callback(desk.clear)
        yield [_seat_on(desk, name, made) for name, made in zip(SLOTS.values(), cards, strict=True)]


def _seat_on(desk: Desk, name: str, made: Made) -> Seat:
    perfect = Conditions()
    return Seat(name, made, lambda: desk.insert(name, made.file.name, perfect), lambda: desk.remove(name))


def test_two_readers_of_this_process(in_process: list[Seat]) -> None:
    _two_readers(in_process, rounds=50)


@pytest.mark.pcscd
@pytest.mark.xdist_group("pcscd")
def test_both_slots_of_the_virtual_reader(over_pcscd: list[Seat]) -> None:
    for seat in over_pcscd:
        seat.put_in()  # waits until other test runs have left both slots
    _two_readers(over_pcscd, rounds=3)


def _two_readers(seats: Sequence[Seat], rounds: int) -> None:
    """Taps and works at both; each reader's cards come and go in order, and nobody waits for ever."""
    watch, stop, hands, users = CardWatch(), threading.Event(), Crew(), Crew()
    events = watch.changes()
    for number, seat in enumerate(seats):
        users.start(lambda first=number: _use(seats, first, stop))  # type: ignore[misc]
        hands.start(lambda seat=seat: _tap(seat, rounds))  # type: ignore[misc]
    deadline = time.monotonic() + ALL_S
    while hands.at_work() and time.monotonic() < deadline:
        events += watch.wait(LOOK_S)
    stop.set()
    hands.join()
    users.join()
    events += watch.changes()
    for seat in seats:
        _assert_in_order(seat.reader, events)
        with pcsc.connect(seat.reader) as connection:
            assert PivSession(connection).pin_tries_left() == 3


def _tap(seat: Seat, rounds: int) -> None:
    """Pulls the card in the middle of a user's work and after it, by turns; leaves it in."""
    for number in range(rounds):
        seat.put_in()
        _await(seat.signed if number % 2 else seat.at_work)
        seat.take_out()
    seat.put_in()
    _await(seat.signed)


def _await(told: threading.Event) -> None:
    told.clear()
    assert told.wait(PATIENCE_S), "no user came to work"


def _use(seats: Sequence[Seat], first: int, stop: threading.Event) -> None:
    """Works at one reader after the other, with whatever card comes in, until `stop`."""
    for number in itertools.count(first):
        if stop.is_set():
            return
        seat = seats[number % len(seats)]
        try:
            pcsc.wait_for_card(seat.reader, LOOK_S)
            seat.work()
        except TransportError:  # pulled, or reset by the other user
            continue


def _assert_in_order(reader: str, events: Sequence[Event]) -> None:
    """Cards come and go by turns, and one is in at the end."""
    here = [event for event in events if isinstance(event, CardInserted | CardRemoved)]
    kinds = [type(event) for event in here if event.reader == reader]
    expected = itertools.cycle([CardInserted, CardRemoved])
    assert kinds == [kind for kind, _ in zip(expected, kinds, strict=False)]
    assert kinds[-1] is CardInserted
    assert CardRemoved in kinds
