"""Where the card of a contract test is: in process, behind pcscd and vpcd, or in a reader that was given."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from cardio.globalplatform.keys import KeySet
from simulators.card.blank import blank_state, create_blank
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.card.globalplatform.identifiers import FACTORY_KEY_VERSION
from simulators.card.globalplatform.keyset import KeySet as CardKeySet
from simulators.card.store import VolatileStore
from simulators.readers.inprocess import InProcessReader
from simulators.readers.pcscd import pcscd_service
from simulators.readers.vpcd import SLOTS, Card, VirtualReader, insert
from tests.givencard import GivenCard

TRANSPORT_PIN = "102938"
PIN = "471100"
PUK = "55667788"
_SERIAL = 30_111_222


@dataclass(frozen=True)
class Hands:
    """What moves cards at a reader."""

    card: SimulatedCard
    random_challenges: SimulatedCard
    """The same blank, but that its secure channel's challenges are random (SCP03 with i = 60)."""
    remove: Callable[[], None]
    put_in: Callable[[Card], None]


@dataclass(frozen=True)
class Place:
    """A reader with a blank card in it, whose PIN is TRANSPORT_PIN and whose PUK is PUK."""

    reader: str
    serial: int
    management_key: bytes = field(repr=False)
    channel_keys: KeySet | None
    transport_pin: bool
    hands: Hands | None
    """None where no program moves cards."""
    given: GivenCard | None = None
    """The only card that may be in the reader, where hands can swap it."""


@contextmanager
def in_process(folder: Path) -> Iterator[Place]:
    """The reader of this process."""
    with _blank(folder) as blank, InProcessReader(f"Contract Reader {uuid4()}") as reader:
        reader.insert(blank.card)
        yield blank.in_reader(reader.name, reader.remove, reader.insert)


@contextmanager
def over_pcscd(folder: Path, busy: str | None) -> Iterator[Place]:
    """The real pcscd with its virtual reader, in a slot that isn't the reader `busy`."""
    port, name = next((port, name) for port, name in SLOTS.items() if name != busy)
    with _blank(folder) as blank, pcscd_service(), ExitStack() as stack:
        inside: list[VirtualReader] = []

        def put_in(new: Card) -> None:
            remove()
            inside.append(stack.enter_context(insert(new, port)))

        def remove() -> None:
            while inside:
                inside.pop().remove()

        put_in(blank.card)
        yield blank.in_reader(name, remove, put_in)


@contextmanager
def given(reader: str, card: GivenCard) -> Iterator[Place]:
    """A card in a reader that somebody gave us for tests."""
    card.erase_in(reader, TRANSPORT_PIN, PUK)
    yield Place(reader, card.serial, card.management_key, card.channel_keys, card.transport_pin, None, card)


@dataclass(frozen=True)
class _Blank:
    card: SimulatedCard
    random_challenges: SimulatedCard
    management_key: bytes = field(repr=False)
    channel_keys: KeySet

    def in_reader(self, name: str, remove: Callable[[], None], put_in: Callable[[Card], None]) -> Place:
        hands = Hands(self.card, self.random_challenges, remove, put_in)
        return Place(name, _SERIAL, self.management_key, self.channel_keys, transport_pin=True, hands=hands)


@contextmanager
def _blank(folder: Path) -> Iterator[_Blank]:
    path, key = folder / "card.json", os.urandom(32)
    enc, mac, dek = os.urandom(32), os.urandom(32), os.urandom(32)
    keys = CardKeySet(enc, mac, dek)
    create_blank(path, _SERIAL, TRANSPORT_PIN, PUK, key, keys)
    twin = SimulatedCard(
        VolatileStore(blank_state(_SERIAL, TRANSPORT_PIN, PUK, key, keys, random_challenges=True))
    )
    with CardFile.open(path) as file:
        yield _Blank(SimulatedCard(file), twin, key, KeySet(FACTORY_KEY_VERSION, enc, mac, dek))
