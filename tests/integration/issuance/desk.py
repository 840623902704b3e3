"""The registry's services without PKI and cards: applications on a database of either kind."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from secrets import token_bytes

from sqlalchemy import select

from issuance.approval.batches import ApprovalBatches
from issuance.approval.service import Approval
from issuance.approval.stepup import PasswordStepUp
from issuance.audit import Audit, AuditEntry
from issuance.database import Database
from issuance.duplicates.service import Duplicates
from issuance.enrolment.confirmation import Confirmation
from issuance.enrolment.kinds import ApplicationKind, ReplacementCause
from issuance.enrolment.models import Application
from issuance.enrolment.repository import get_application
from issuance.enrolment.service import Enrolment, NewApplication
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationState
from issuance.operators.models import Operator, Role
from issuance.operators.service import Actor, Operators
from issuance.registry.citizens import Citizens
from issuance.registry.civilregister import CivilRecord
from issuance.stock.service import Delivery as StockDelivery
from issuance.stock.service import Stock
from issuance.tracking.keys import SlipKeys
from issuance.tracking.service import Tracking
from pki.keys.store import DEFAULT_LOCATION, KeyStore
from simulators.population.people import People
from simulators.population.portrait import draw_portrait
from simulators.population.register import record_of
from tests.applications import lead
from tests.cards import bring
from tests.columnkey import CIPHER

PEOPLE = People(seed=1)
CLERK = Actor("clerk-1", Role.CLERK)
OTHER_CLERK = Actor("clerk-2", Role.CLERK)
SUPERVISOR = Actor("supervisor-1", Role.SUPERVISOR)
OTHER_SUPERVISOR = Actor("supervisor-2", Role.SUPERVISOR)
KEEPERS = Actor("stock-1", Role.STOCK), Actor("stock-2", Role.STOCK)
PORTRAIT = draw_portrait(PEOPLE.person(0))
START = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


class Register:
    """A civil register whose records a test writes; counts how often it is asked."""

    def __init__(self) -> None:
        self.records: dict[str, CivilRecord] = {}
        self.asked = 0

    def find(self, national_code: str) -> CivilRecord | None:
        self.asked += 1
        return self.records.get(national_code)

    def add(self, record: CivilRecord) -> CivilRecord:
        self.records[record.national_code] = record
        return record


@dataclass
class Desk:
    database: Database
    clock: Clock
    register: Register
    operators: Operators
    password: str
    """The supervisor's."""
    enrolment: Enrolment
    approval: Approval
    batches: ApprovalBatches
    duplicates: Duplicates
    tracking: Tracking

    def open(self, number: int = 0, actor: Actor = CLERK) -> str:
        record = self.register.add(record_of(PEOPLE.person(number)))
        return self.enrolment.open(actor, new(record))

    def submitted(self, number: int = 0, actor: Actor = CLERK) -> str:
        application = self.open(number, actor)
        self.enrolment.submit(actor, application)
        return application

    def application(self, application_id: str) -> Application:
        with self.database.reading() as session:
            found = get_application(session, application_id)
            _ = found.evidence
            return found

    def state(self, application_id: str) -> str:
        return self.application(application_id).state

    def actions(self, application_id: str) -> list[str]:
        query = select(AuditEntry.action).where(AuditEntry.subject == f"application:{application_id}")
        with self.database.reading() as session:
            return list(session.scalars(query.order_by(AuditEntry.sequence)))

    def hand_over(self, application_id: str, number: str, state: str = "active") -> str:
        """Puts a delivered card of an approved application into the database, as production would."""
        self._take_in(number)
        with self.database.writing() as session:
            application = get_application(session, application_id)
            lead(session, application, ApplicationState.DELIVERED)
            card = Card(
                card_number=number,
                national_code=application.national_code,
                application_id=application_id,
                state=state,
                guid=number,
                key_version=1,
                taken_at=self.clock(),
                delivered_at=self.clock(),
                revocation_cause="lost" if state == "revoked" else None,
            )
            bring(session, card, CLERK.username)
        return number

    def _take_in(self, serial: str) -> None:
        stock, serials = Stock(self.database, Audit(self.clock), self.clock, token_bytes), [[serial, serial]]
        batch = stock.announce(KEEPERS[0], StockDelivery("card", f"note {serial}", serials))
        stock.count(KEEPERS[0], batch, serials)
        stock.confirm(KEEPERS[1], batch, 1)


def new(
    record: CivilRecord,
    kind: ApplicationKind = ApplicationKind.NEW,
    cause: ReplacementCause | None = None,
    birth_date: date | None = None,
) -> NewApplication:
    return NewApplication(
        record.national_code, birth_date or record.birth_date, PORTRAIT, kind=kind, cause=cause
    )


@contextmanager
def open_desk(url: str, keys: Path) -> Iterator[Desk]:
    """A new desk over a database without people; it gets its tables if it has none."""
    clock, register, database = Clock(), Register(), Database(url, CIPHER)
    database.migrate()
    audit = Audit(clock)
    operators = Operators(database, audit, clock, token_bytes)
    with database.writing() as session:  # a password takes its time to be hashed: one is enough
        for actor in (CLERK, OTHER_CLERK, OTHER_SUPERVISOR, *KEEPERS):
            session.add(Operator(username=actor.username, role=actor.role.value, password_hash="-"))
    password = operators.create(SUPERVISOR.username, SUPERVISOR.role)
    citizens = Citizens(register, clock)
    confirmation = Confirmation(database, audit, citizens, clock)
    duplicates = Duplicates(database, audit, clock)
    approval = Approval(database, audit, confirmation, duplicates, clock)
    keys.mkdir()
    store = KeyStore.from_settings(keys, DEFAULT_LOCATION, lambda: b"a passphrase of this test")
    try:
        yield Desk(
            database,
            clock,
            register,
            operators,
            password,
            Enrolment(database, audit, citizens, confirmation, duplicates, clock, token_bytes),
            approval,
            ApprovalBatches(database, audit, approval, PasswordStepUp(operators), clock, token_bytes),
            duplicates,
            Tracking(database, SlipKeys(store), clock),
        )
    finally:
        store.close()
        database.close()
