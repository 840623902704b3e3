"""One PIV contract, two backends: the in-process reader, and the real pcscd with its virtual reader."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest

from cardio.globalplatform.keys import KeySet
from cardio.globalplatform.session import IssuerSecurityDomain
from cardio.piv.session import PivSession
from cardio.transport import pcsc
from simulators.card.blank import create_blank
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.card.globalplatform.identifiers import FACTORY_KEY_VERSION
from simulators.card.globalplatform.keyset import KeySet as CardKeySet
from simulators.readers.inprocess import InProcessReader
from simulators.readers.pcscd import pcscd_service
from simulators.readers.vpcd import Card, VirtualReader, insert

TRANSPORT_PIN = "102938"
PIN = "471100"
PUK = "55667788"
SERIAL = 30_111_222


@dataclass
class Bench:
    """A reader with a card in it."""

    name: str
    management_key: bytes = field(repr=False)
    channel_keys: KeySet
    remove: Callable[[], None]
    put_in: Callable[[Card], None]
    card: SimulatedCard
    stack: ExitStack

    def connect(self) -> pcsc.PcscConnection:
        """A connection that the end of the test closes."""
        return self.stack.enter_context(pcsc.connect(self.name))

    def session(self) -> PivSession:
        """A session over a connection of its own."""
        return PivSession(self.connect())

    def domain(self) -> IssuerSecurityDomain:
        """A session with the issuer security domain over a connection of its own."""
        return IssuerSecurityDomain(self.connect())

    def issuer(self) -> PivSession:
        """A session with the management key given."""
        session = self.session()
        session.authenticate_management(self.management_key)
        return session

    def delivered(self) -> PivSession:
        """A session after the holder replaced the transport PIN; nothing is verified."""
        session = self.session()
        session.change_pin(TRANSPORT_PIN, PIN)
        session.reset()
        return session


@contextmanager
def _in_process(card: SimulatedCard) -> Iterator[tuple[str, Callable[[], None], Callable[[Card], None]]]:
    with InProcessReader(f"Contract Reader {uuid4()}") as reader:
        reader.insert(card)
        yield reader.name, reader.remove, reader.insert


@contextmanager
def _real(card: SimulatedCard) -> Iterator[tuple[str, Callable[[], None], Callable[[Card], None]]]:
    with pcscd_service(), ExitStack() as stack:
        inside: list[VirtualReader] = []

        def put_in(new: Card) -> None:
            remove()
            inside.append(stack.enter_context(insert(new)))

        def remove() -> None:
            while inside:
                inside.pop().remove()

        put_in(card)
        yield inside[0].name, remove, put_in


@pytest.fixture(
    params=[
        pytest.param(_in_process, id="in-process"),
        pytest.param(_real, id="pcscd", marks=[pytest.mark.pcscd, pytest.mark.xdist_group("pcscd")]),
    ]
)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A blank card in a reader of either kind."""
    path, key = tmp_path / "card.json", os.urandom(32)
    enc, mac, dek = os.urandom(32), os.urandom(32), os.urandom(32)
    create_blank(path, SERIAL, TRANSPORT_PIN, PUK, key, CardKeySet(enc, mac, dek))
    with CardFile.open(path) as file:
        card = SimulatedCard(file)
        with request.param(card) as (name, remove, put_in), ExitStack() as stack:
            keys = KeySet(FACTORY_KEY_VERSION, enc, mac, dek)
            yield Bench(name, key, keys, remove, put_in, card, stack)
