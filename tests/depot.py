"""A registry's stock and queue over a bare database: no PKI, no cards, people who sign in nowhere."""

import itertools
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from issuance.approval.service import Approval
from issuance.audit import Audit
from issuance.database import Database
from issuance.duplicates.service import Duplicates
from issuance.enrolment.confirmation import Confirmation
from issuance.enrolment.models import Application
from issuance.enrolment.repository import get_application, move
from issuance.lifecycle.states import ApplicationEvent
from issuance.offices.models import Office
from issuance.operators.models import Operator, Role
from issuance.operators.service import Actor
from issuance.orders.service import Orders
from issuance.registry.citizens import Citizens
from issuance.registry.models import Citizen
from issuance.registry.text import fold
from issuance.stock.check import Fault, faults
from issuance.stock.service import Delivery, Stock
from simulators.population.people import People
from simulators.population.register import SyntheticCivilRegister, record_of
from tests.applications import bring_application
from tests.columnkey import CIPHER

POPULATION = People(seed=1)
HERE, THERE = "1", "2"
START = datetime(2026, 11, 7, 8, tzinfo=UTC)  # a Saturday, the first day of an Iranian week
KEEPER, SECOND_KEEPER = Actor("keeper", Role.STOCK, HERE), Actor("second-keeper", Role.STOCK, HERE)
FAR_KEEPER, SECOND_FAR_KEEPER = Actor("far", Role.STOCK, THERE), Actor("second-far", Role.STOCK, THERE)
CLERK, SUPERVISOR = Actor("clerk", Role.CLERK, HERE), Actor("supervisor", Role.SUPERVISOR, HERE)
FAR_CLERK = Actor("far-clerk", Role.CLERK, THERE)
FAR_SUPERVISOR = Actor("far-supervisor", Role.SUPERVISOR, THERE)
PRODUCER = Actor("producer", Role.PRODUCTION, HERE)
PEOPLE = (
    *(KEEPER, SECOND_KEEPER, FAR_KEEPER, SECOND_FAR_KEEPER),
    *(CLERK, SUPERVISOR, FAR_CLERK, FAR_SUPERVISOR, PRODUCER),
)


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> None:
        self.now += by


@dataclass
class Depot:
    database: Database
    clock: Clock
    audit: Audit
    stock: Stock
    orders: Orders
    approval: Approval
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def receive(self, serials: list[str], *, keepers: tuple[Actor, Actor] = (KEEPER, SECOND_KEEPER)) -> str:
        ranges = [[serial, serial] for serial in serials]
        batch = self.stock.announce(keepers[0], Delivery("P71", f"note {next(self._numbers)}", ranges))
        self.stock.count(keepers[0], batch, ranges)
        self.stock.confirm(keepers[1], batch, len(serials))
        return batch

    def approved(self, *, far: bool = False) -> str:
        """An order in the queue, approved now."""
        clerk, supervisor = (FAR_CLERK, FAR_SUPERVISOR) if far else (CLERK, SUPERVISOR)
        number = next(self._numbers)
        with self.database.writing() as session:
            session.add(citizen(number))
            session.flush()
            bring_application(session, application(number, clerk))
        self.approval.approve(supervisor, application_id(number))
        return application_id(number)

    def move(self, application: str, event: ApplicationEvent) -> None:
        with self.database.writing() as session:
            move(get_application(session, application), event)

    def faults(self) -> list[Fault]:
        with self.database.reading() as session:
            return list(faults(session))


def application_id(number: int) -> str:
    return f"{number:016d}"


def citizen(number: int) -> Citizen:
    """Somebody of the population: no two of them are alike."""
    record = record_of(POPULATION.person(number))
    return Citizen(
        national_code=record.national_code,
        given_name=fold(record.given_name),
        surname=fold(record.surname),
        father_name=fold(record.father_name),
        latin_given_name=record.latin_given_name,
        latin_surname=record.latin_surname,
        birth_date=record.birth_date,
        sex=record.sex,
        confirmed_at=START,
    )


def application(number: int, clerk: Actor) -> Application:
    return Application(
        id=application_id(number),
        national_code=POPULATION.person(number).national_code,
        office=clerk.office,
        state="submitted",
        latin_given_name="Arash",
        latin_surname="Azari",
        portrait=b"",
        enrolled_by=clerk.username,
        created_at=START,
    )


def add_people(session: Session) -> None:
    session.add(
        Office(code=THERE, persian_name="شیراز", latin_name="Shiraz", province="فارس", inspects=False)
    )
    session.flush()
    for person in PEOPLE:
        session.add(
            Operator(username=person.username, role=person.role, office=person.office, password_hash="-")
        )


def depot_at(url: str) -> Depot:
    """Over a database that has its tables and people."""
    database, clock = Database(url, CIPHER), Clock()
    audit = Audit(clock)
    register = SyntheticCivilRegister(POPULATION, clock=clock)
    confirmation = Confirmation(database, audit, Citizens(register, clock), clock)
    return Depot(
        database,
        clock,
        audit,
        Stock(database, audit, clock, secrets.token_bytes),
        Orders(database, audit, clock, secrets.token_bytes),
        Approval(database, audit, confirmation, Duplicates(database, audit, clock), clock),
    )


@contextmanager
def open_depot(url: str) -> Iterator[Depot]:
    """Over a database without people, which gets them, and its tables if it has none."""
    depot = depot_at(url)
    try:
        depot.database.migrate()
        with depot.database.writing() as session:
            add_people(session)
        yield depot
    finally:
        depot.database.close()
