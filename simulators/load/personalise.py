"""`hoviat bench personalise`: the whole production of a card, against what no production can do without."""

import itertools
import math
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from simulators.actors.citizen import Citizen
from simulators.actors.issue import Staff, choose_pin, deliver, enrol_someone, produce, signed_in
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.factory import make_blank
from simulators.installation.server import create_app, running
from simulators.installation.services import Installation, initialise, open_installation
from simulators.load.result import Result
from simulators.readers.choice import OccupiedReader, ReaderKind
from simulators.readers.inprocess import InProcessReader

_NAME = "personalise"
_READER = "Hoviat Bench Reader"
_SHORT_DATA = 255  # bytes of command data in a short APDU (ISO/IEC 7816-4, 5.2)
_SHORT_ANSWER = 256  # bytes of response data in a short APDU
_HEADER = 5
_STATUS = 2


@dataclass
class Traffic:
    """What went over the line."""

    apdus: int = 0
    sent: int = 0
    received: int = 0

    @property
    def fewest(self) -> int:
        """The fewest short APDUs that can carry as many bytes, each filled to the brim."""
        return math.ceil(self.sent / _SHORT_DATA) + math.ceil(self.received / _SHORT_ANSWER)


class CountedCard:
    """A card whose traffic is counted."""

    def __init__(self, card: SimulatedCard, traffic: Traffic) -> None:
        self._card = card
        self._traffic = traffic

    @property
    def atr(self) -> bytes:
        """The answer to reset."""
        return self._card.atr

    def power_on(self) -> bytes:
        """Powers the card."""
        return self._card.power_on()

    def power_off(self) -> None:
        """Takes the power away."""
        self._card.power_off()

    def reset(self) -> bytes:
        """Warm reset."""
        return self._card.reset()

    def transmit(self, command: bytes) -> bytes:
        """Answers a command and counts its data."""
        answer = self._card.transmit(command)
        self._traffic.apdus += 1
        self._traffic.sent += max(0, len(command) - _HEADER)
        self._traffic.received += len(answer) - _STATUS
        return answer


def measure(cards: int) -> Iterator[Result]:
    """Personalises `cards` cards in a throw-away home."""
    with tempfile.TemporaryDirectory(prefix="hoviat-bench-") as folder:
        root = Path(folder) / "home"
        initialise(root)
        with (
            open_installation(root) as installation,
            running(create_app(installation)) as server,
            signed_in(installation.home, server) as staff,
        ):
            seconds, traffic = _produce_all(installation, staff, cards)
    limit = 1 / _seconds_of_cryptography(cards)
    yield Result(
        _NAME, "in process, P-256 + P-384", cards / seconds, "cards/s", limit, "its cryptography alone"
    )
    yield Result(
        _NAME,
        "short APDUs",
        traffic.apdus / cards,
        "APDUs/card",
        traffic.fewest / cards,
        "same bytes, full APDUs",
        counts=True,
    )


def _produce_all(installation: Installation, staff: Staff, cards: int) -> tuple[float, Traffic]:
    """Seconds spent in production alone, and its traffic."""
    chance = random.Random("hoviat bench")  # noqa: S311
    numbers = itertools.count()
    seconds, traffic = 0.0, Traffic()
    for _ in range(cards):
        _, application = enrol_someone(staff, installation.people, numbers)
        staff.supervisor.approve(application)
        blank = make_blank(installation.home.cards, installation.pki.master_keys["factory"])
        with CardFile.open(blank) as file, InProcessReader(_READER) as reader:
            reader.insert(CountedCard(SimulatedCard(file), traffic))
            occupied = OccupiedReader(ReaderKind.IN_PROCESS, reader.name)
            began = time.perf_counter()
            production = produce(staff, application, occupied)
            seconds += time.perf_counter() - began
            counted = Traffic(traffic.apdus, traffic.sent, traffic.received)
            deliver(staff, str(production["card_number"]), Citizen(occupied.connect, choose_pin(chance)))
            traffic = counted
    return seconds, traffic


def _seconds_of_cryptography(repeats: int) -> float:
    """Two keys made, each proving possession, its request checked, its certificate signed and checked."""
    authority = ec.generate_private_key(ec.SECP256R1())
    message = bytes(1000)
    began = time.perf_counter()
    for _ in range(repeats):
        for curve, digest in ((ec.SECP256R1(), hashes.SHA256()), (ec.SECP384R1(), hashes.SHA384())):
            scheme = ec.ECDSA(digest)
            key = ec.generate_private_key(curve)
            proof = key.sign(message, scheme)
            key.public_key().verify(proof, message, scheme)
            signature = authority.sign(message, ec.ECDSA(hashes.SHA256()))
            authority.public_key().verify(signature, message, ec.ECDSA(hashes.SHA256()))
    return (time.perf_counter() - began) / repeats
