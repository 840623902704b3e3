"""A registry office in one process: real PKI, real registry, simulated cards in an in-process reader."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256

import issuance.bootstrap
import pki.bootstrap
from cardio.piv.session import PivSession
from cardio.piv.slots import Slot
from cardio.transport import pcsc
from cardio.transport.base import CardConnection
from issuance.bootstrap import Issuance
from issuance.delivery.service import OpenDelivery
from issuance.enrolment.service import NewApplication
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production.service import ProductionView
from pki.bootstrap import Pki
from pki.home import Home, create, load
from pki.status.state import CertificateState
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.card.meter import Meter
from simulators.card.state import CardState
from simulators.depot import take_in
from simulators.factory import make_blank
from simulators.population.people import People, Person
from simulators.population.portrait import draw_portrait
from simulators.population.register import SyntheticCivilRegister
from simulators.readers.inprocess import InProcessReader
from simulators.readers.vpcd import Card as InsertedCard

CLERK = Actor("clerk-1", Role.CLERK)
SUPERVISOR = Actor("supervisor-1", Role.SUPERVISOR)
CITIZENS_PIN = "24681357"


class Readers:
    """The readers of this process alone."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def names(self) -> Sequence[str]:
        return list(self._names)

    def connect(self, name: str) -> CardConnection:
        return pcsc.connect(name)


class Clock:
    """The machine's time, moved forward at will."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Office:
    home: Home
    pki: Pki
    registry: Issuance
    reader: InProcessReader
    clock: Clock
    people: People
    _files: list[CardFile] = field(default_factory=list)

    def blank(self) -> Path:
        """A new body, in stock."""
        made = make_blank(self.home.cards, self.pki.master_keys["factory"])
        take_in(self.registry, [made])
        return made

    def insert(
        self, path: Path, power_cut_after_writes: int | None = None, meter: Meter | None = None
    ) -> None:
        self.insert_made(
            path,
            lambda file: SimulatedCard(file, power_cut_after_writes=power_cut_after_writes, meter=meter),
        )

    def insert_made(self, path: Path, make: Callable[[CardFile], InsertedCard]) -> None:
        """Puts in what `make` makes of the card's file."""
        self.remove()
        file = CardFile.open(path)
        self._files.append(file)
        self.reader.insert(make(file))

    def restore(self, path: Path, state: CardState) -> None:
        """Puts a card in whose memory is this."""
        self.insert(path)
        self._files[-1].commit(state)

    @property
    def card_state(self) -> CardState:
        """What the card in the reader remembers without power."""
        return self._files[-1].state

    def remove(self) -> None:
        self.reader.remove()
        while self._files:
            self._files.pop().close()

    def enrol(self, number: int = 0) -> str:
        application = self.registry.enrolment.open(CLERK, new_application(self.people.person(number)))
        self.registry.enrolment.submit(CLERK, application)
        return application

    def approved(self, number: int = 0) -> str:
        application = self.enrol(number)
        self.registry.approval.approve(SUPERVISOR, application)
        return application

    def produce(self, application: str) -> ProductionView:
        return self.registry.production.produce(CLERK, application, self.reader.name)

    def accept(self, delivery: OpenDelivery, pin: str = CITIZENS_PIN) -> bytes:
        """What citizen and card do at the station."""
        with pcsc.connect(self.reader.name) as connection:
            session = PivSession(connection)
            session.change_pin(delivery.transport_pin, pin)
            session.verify_pin(pin)
            key = session.public_key(Slot.AUTHENTICATION)
            return session.sign(Slot.AUTHENTICATION, key, delivery.challenge, SHA256())

    def issue(self, number: int = 0) -> str:
        """From the civil register to a delivered card, left in the reader; returns the card's number."""
        application = self.approved(number)
        self.insert(self.blank())
        card = self.produce(application).card_number
        assert card is not None
        delivery = self.registry.deliveries.open(CLERK, card)
        self.registry.deliveries.complete(CLERK, delivery.delivery_id, self.accept(delivery))
        return card

    def status(self, serial: int) -> CertificateState:
        return self.pki.status.state_of(serial)


def new_application(person: Person) -> NewApplication:
    return NewApplication(person.national_code, person.birth_date, draw_portrait(person))


def open_registry(home: Home, authority: Pki, people: People, readers: Readers, clock: Clock) -> Issuance:
    return issuance.bootstrap.open_issuance(home, authority, SyntheticCivilRegister(people), readers, clock)


def initialise(root: Path) -> None:
    """PKI and registry in a new home."""
    home = create(root)
    pki.bootstrap.initialise(home)
    issuance.bootstrap.initialise(home)


@contextmanager
def open_office(folder: Path, template: Path | None = None) -> Iterator[Office]:
    """An office in a copy of the home `template`, or in a new one."""
    clock, people = Clock(), People(1)
    if template is None:
        initialise(folder / "home")
    else:
        shutil.copytree(template, folder / "home")
    home = load(folder / "home")
    authority = pki.bootstrap.open_pki(home, clock)
    with InProcessReader(f"reader of {folder.name}") as reader:
        registry = open_registry(home, authority, people, Readers(reader.name), clock)
        office = Office(home, authority, registry, reader, clock, people)
        try:
            yield office
        finally:
            office.remove()
            office.registry.close()
            authority.close()
