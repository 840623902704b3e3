"""`hoviat bench personalise`: the whole production of a card, against what no production can do without."""

import itertools
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from simulators.actors.citizen import Citizen
from simulators.actors.issue import Staff, choose_pin, deliver, enrol_someone, produce, signed_in
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.card.meter import Work
from simulators.card.piv.identifiers import DataObject
from simulators.depot import take_in
from simulators.factory import make_blank
from simulators.faults.link import SHORT_APDUS_ONLY, LimitedReaderCard
from simulators.installation.server import create_app, running
from simulators.installation.services import Installation, initialise, open_installation
from simulators.load.leastdialog import EXTENDED, SHORT, Least, Link, dialog, least
from simulators.load.result import Result
from simulators.readers.choice import OccupiedReader, ReaderKind
from simulators.readers.inprocess import InProcessReader
from simulators.readers.vpcd import Card
from simulators.readers.wrapped import WrappedCard
from simulators.timing.costs import Costs
from simulators.timing.line import Ta1, line_seconds

_NAME = "personalise"
_GOAL = 1 / 1.10
_TA1 = Ta1.X96
_COSTS = Costs()
_WRITTEN = (
    DataObject.CHUID,
    DataObject.CARD_CAPABILITY_CONTAINER,
    DataObject.PRINTED_INFORMATION,
    DataObject.AUTHENTICATION_CERTIFICATE,
    DataObject.SIGNATURE_CERTIFICATE,
)


@dataclass
class Traffic:
    """What went over the line of one card, and what its work would take the median of real cards."""

    apdus: int = 0
    octets: int = 0
    written: int = 0
    line: float = 0.0
    key_work: float = 0.0

    def works(self, work: Work) -> None:
        """The card begins an operation with a key."""
        self.key_work += _COSTS.work(work)

    def writes(self) -> None:
        """The card writes."""
        self.written += 1

    @property
    def seconds(self) -> float:
        """Line, keys and memory together."""
        return self.line + self.key_work + self.written * _COSTS.write()


class CountedCard(WrappedCard):
    """A card whose traffic is counted."""

    def __init__(self, card: Card, traffic: Traffic) -> None:
        super().__init__(card)
        self._traffic = traffic

    def transmit(self, command: bytes) -> bytes:
        """Answers a command and counts its bytes and those of the answer."""
        answer = self._card.transmit(command)
        self._traffic.apdus += 1
        self._traffic.octets += len(command) + len(answer)
        self._traffic.line += line_seconds(len(command), _TA1) + line_seconds(len(answer), _TA1)
        return answer


@dataclass(frozen=True)
class _Card:
    """One produced card: the seconds its production took here, its traffic, the least it could have been."""

    seconds: float
    traffic: Traffic
    least: Least


def measure(cards: int) -> Iterator[Result]:
    """Personalises `cards` cards in a throw-away home, over extended and over short APDUs."""
    with tempfile.TemporaryDirectory(prefix="hoviat-bench-") as folder:
        root = Path(folder) / "home"
        initialise(root)
        with (
            open_installation(root) as installation,
            running(create_app(installation)) as server,
            signed_in(installation.home, server) as staff,
        ):
            numbers = itertools.count()
            for link in (EXTENDED, SHORT):
                _produce_all(installation, staff, 1, numbers, link)  # the reader's kind is learnt
                yield from _results(_produce_all(installation, staff, cards, numbers, link), link)


def _results(produced: list[_Card], link: Link) -> Iterator[Result]:
    cards = len(produced)
    kind = "extended APDUs" if link.extended else "short APDUs"
    if link.extended:
        rate = cards / sum(card.seconds for card in produced)
        limit = 1 / seconds_of_cryptography(cards)
        yield Result(_NAME, "in process, P-256 + P-384", rate, "cards/s", limit, "its cryptography alone")
    apdus = sum(card.traffic.apdus for card in produced) / cards
    octets = sum(card.traffic.octets for card in produced) / cards
    seconds = sum(card.traffic.seconds for card in produced) / cards
    shortest = sum(
        card.least.line_seconds + card.least.writes * _COSTS.write() + card.traffic.key_work
        for card in produced
    )
    fewest = sum(card.least.apdus for card in produced) / cards
    smallest = sum(card.least.octets for card in produced) / cards
    same = "the least for the same objects, SCP03 C-MAC + C-ENC + R-MAC"
    yield Result(_NAME, f"{kind}, SCP03", apdus, "APDUs/card", fewest, same, _GOAL, counts=True)
    yield Result(_NAME, f"{kind}, SCP03", octets, "bytes/card", smallest, same, _GOAL, counts=True)
    modelled = f"{kind}, SCP03, median card at TA1={_TA1:X}"
    yield Result(_NAME, modelled, seconds, "modelled s/card", shortest / cards, same, _GOAL, counts=True)


def _produce_all(
    installation: Installation, staff: Staff, cards: int, numbers: Iterator[int], link: Link
) -> list[_Card]:
    """Production alone is timed and counted; enrolment and delivery stand around it."""
    chance = random.Random("hoviat bench")  # noqa: S311 - repeatable, no secret
    name = "Hoviat Bench Reader" if link.extended else "Hoviat Bench Reader for Short APDUs"
    return [_produce_one(installation, staff, numbers, link, name, chance) for _ in range(cards)]


def _produce_one(
    installation: Installation,
    staff: Staff,
    numbers: Iterator[int],
    link: Link,
    name: str,
    chance: random.Random,
) -> _Card:
    _, application = enrol_someone(staff, installation.people, numbers)
    staff.supervisor.approve(application)
    blank = make_blank(installation.home.cards, installation.pki.master_keys["factory"])
    take_in(installation.issuance, [blank])
    traffic = Traffic()
    with CardFile.open(blank) as file, InProcessReader(name) as reader:
        card: Card = CountedCard(SimulatedCard(file, meter=traffic), traffic)
        reader.insert(card if link.extended else LimitedReaderCard(card, SHORT_APDUS_ONLY))
        occupied = OccupiedReader(ReaderKind.IN_PROCESS, reader.name)
        began = time.perf_counter()
        production = produce(staff, application, occupied)
        seconds = time.perf_counter() - began
        sizes = [len(file.state.piv.objects[tag]) for tag in _WRITTEN]
        # A copy: the delivery goes on counting.
        produced = _Card(seconds, replace(traffic), least(dialog(sizes), link, _TA1))
        deliver(staff, str(production["card_number"]), Citizen(occupied.connect, choose_pin(chance)))
    return produced


def seconds_of_cryptography(repeats: int) -> float:
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
