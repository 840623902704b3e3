"""A registry office in one process: real PKI, real registry, simulated cards in an in-process reader."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import issuance.bootstrap
import pki.bootstrap
from cardio.station.delivery import Handover, answer
from cardio.transport import pcsc
from cardio.transport.base import CardConnection
from issuance.bootstrap import Issuance
from issuance.delivery.matching import CardAnswer
from issuance.delivery.rules import Seen
from issuance.delivery.service import OpenDelivery
from issuance.delivery.states import CheckOutcome
from issuance.enrolment.service import NewApplication
from issuance.errors import CivilRegisterUnavailableError
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production.service import ProductionView
from issuance.registry.civilregister import CivilRecord, CivilRegister
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
ITS_PERSON = Seen("birth_certificate", same_person=True)


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


class Register(SyntheticCivilRegister):
    """Answers unless it is made silent; who has died, or has another record, is what a test says."""

    def __init__(self, people: People) -> None:
        super().__init__(people)
        self.available = True
        self.deceased: set[str] = set()
        self.records: dict[str, CivilRecord] = {}

    def find(self, national_code: str) -> CivilRecord | None:
        if not self.available:
            raise CivilRegisterUnavailableError
        record = self.records.get(national_code) or super().find(national_code)
        if record is None or national_code not in self.deceased:
            return record
        return replace(record, deceased_on=record.birth_date + timedelta(days=1))


@dataclass
class Office:
    home: Home
    pki: Pki
    registry: Issuance
    reader: InProcessReader
    clock: Clock
    people: People
    register: Register
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

    def accept(self, delivery: OpenDelivery, pin: str = CITIZENS_PIN) -> CardAnswer:
        """What citizen and card do at the station."""
        handover = Handover(delivery.transport_pin, delivery.challenge)
        with pcsc.connect(self.reader.name) as connection:
            said = answer(connection, handover, pin)
        return CardAnswer(said.signature, said.identity.chuid, said.identity.certificate)

    def open_delivery(self, card: str) -> OpenDelivery:
        """Somebody comes for the card, and it is its person."""
        checked = self.registry.identity_checks.check(CLERK, card, ITS_PERSON)
        assert checked.check.outcome is CheckOutcome.PASSED
        return self.registry.deliveries.open(CLERK, card)

    def issue(self, number: int = 0) -> str:
        """From the civil register to a delivered card, left in the reader; returns the card's number."""
        application = self.approved(number)
        self.insert(self.blank())
        card = self.produce(application).card_number
        assert card is not None
        delivery = self.open_delivery(card)
        self.registry.deliveries.complete(CLERK, delivery.delivery_id, self.accept(delivery))
        return card

    def died(self, number: int) -> None:
        """From now on the civil register says so."""
        self.register.deceased.add(self.people.person(number).national_code)

    def status(self, serial: int) -> CertificateState:
        return self.pki.status.state_of(serial)


def new_application(person: Person) -> NewApplication:
    return NewApplication(person.national_code, person.birth_date, draw_portrait(person))


def open_registry(
    home: Home,
    authority: Pki,
    register: CivilRegister,
    readers: Readers,
    clock: Clock,
    *,
    trial: bool = True,
) -> Issuance:
    return issuance.bootstrap.open_issuance(home, authority, register, readers, clock, trial=trial)


def initialise(root: Path) -> None:
    """PKI and registry in a new home."""
    home = create(root)
    pki.bootstrap.initialise(home)
    issuance.bootstrap.initialise(home)


@contextmanager
def open_office(folder: Path, template: Path | None = None, *, trial: bool = True) -> Iterator[Office]:
    """An office in a copy of the home `template`, or in a new one."""
    if template is None:
        initialise(folder / "home")
    else:
        shutil.copytree(template, folder / "home")
    with open_home(folder / "home", trial=trial) as office:
        yield office


@contextmanager
def open_home(root: Path, *, trial: bool = True) -> Iterator[Office]:
    """An office in the home that is there."""
    clock, people, home = Clock(), People(1), load(root)
    authority = pki.bootstrap.open_pki(home, clock)
    with InProcessReader(f"reader of {root.parent.name}") as reader:
        register = Register(people)
        registry = open_registry(home, authority, register, Readers(reader.name), clock, trial=trial)
        office = Office(home, authority, registry, reader, clock, people, register)
        try:
            yield office
        finally:
            office.remove()
            office.registry.close()
            authority.close()
