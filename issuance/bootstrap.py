"""Creating the registry in a home, and opening it."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select

from issuance.approval.batches import ApprovalBatches
from issuance.approval.service import Approval
from issuance.approval.stepup import PasswordStepUp
from issuance.audit import Audit
from issuance.batchruns.service import BatchRuns
from issuance.calls.service import Calls
from issuance.database import Database
from issuance.decrees.service import Decrees
from issuance.delivery.checks import IdentityChecks
from issuance.delivery.recalls import Recalls
from issuance.delivery.service import Deliveries
from issuance.duplicates.service import Duplicates
from issuance.enrolment.confirmation import Confirmation
from issuance.enrolment.kinds import RULES
from issuance.enrolment.service import Enrolment
from issuance.histories.service import Histories
from issuance.identifiers import Randomness
from issuance.inspection.service import Inspections
from issuance.lifecycle.certificates import Certificates
from issuance.lifecycle.replacement import Replacement
from issuance.lifecycle.service import Lifecycle
from issuance.lookups.service import Lookups
from issuance.massactions.background import BackgroundRuns
from issuance.massactions.running import MassRuns
from issuance.massactions.service import MassActions
from issuance.offices.models import FIRST_OFFICE
from issuance.offices.service import Offices, get_office
from issuance.operators.accounts import Accounts
from issuance.operators.cardlogin import CardLogin
from issuance.operators.enrolling import SecondFactors
from issuance.operators.methods import MethodRules
from issuance.operators.models import Operator, Role
from issuance.operators.service import Operators
from issuance.orders.service import Orders
from issuance.people.erasure import Erasures
from issuance.people.export import Exports
from issuance.people.service import People
from issuance.production.channelkeys import ChannelKeys
from issuance.production.connection import Readers
from issuance.production.journal import LEASE
from issuance.production.pathcheck import path_check
from issuance.production.renewal import Renewals
from issuance.production.service import ProductionLine
from issuance.production.work import Workshop
from issuance.registry.citizens import Citizens
from issuance.registry.civilregister import CivilRegister
from issuance.rekeying.service import Rekeying
from issuance.selfservice.record import OwnRecords
from issuance.selfservice.service import CitizenLogin
from issuance.stations.counters import Counters
from issuance.stations.handover import Handovers
from issuance.stations.hub import AllReaders, Hub
from issuance.stations.service import Authorities, Stations
from issuance.stock.service import Stock
from issuance.tracking.keys import SlipKeys
from issuance.tracking.service import Tracking
from issuance.unblocking.service import Unblocking
from pki.bootstrap import MASTER_KEY_NAMES, Pki, open_key_store
from pki.clock import Clock, utc_now
from pki.home import Home
from pki.keys.masterkeys import MasterKeys
from pki.massactions.delegated import DelegatedActions
from pki.store.encrypted import ColumnCipher

SERVICE = "issuance"
PASSWORDS_FILE = "operators.json"
FIRST_OPERATORS = {
    "clerk-1": Role.CLERK,
    "supervisor-1": Role.SUPERVISOR,
    "stock-1": Role.STOCK,
    "stock-2": Role.STOCK,
    "pki-officer-1": Role.PKI_OFFICER,
    "administrator-1": Role.ADMINISTRATOR,
    "administrator-2": Role.ADMINISTRATOR,
}
"""Two people for each part, because nobody decides alone. The administrators come last."""


@dataclass(frozen=True)
class Issuance:
    """The open registry. `close` it when done."""

    public_url: str
    clock: Clock
    database: Database = field(repr=False)
    operators: Operators = field(repr=False)
    accounts: Accounts = field(repr=False)
    second_factors: SecondFactors = field(repr=False)
    card_login: CardLogin = field(repr=False)
    citizen_login: CitizenLogin = field(repr=False)
    own_records: OwnRecords = field(repr=False)
    offices: Offices = field(repr=False)
    people: People = field(repr=False)
    exports: Exports = field(repr=False)
    erasures: Erasures = field(repr=False)
    stock: Stock = field(repr=False)
    enrolment: Enrolment = field(repr=False)
    duplicates: Duplicates = field(repr=False)
    tracking: Tracking = field(repr=False)
    approval: Approval = field(repr=False)
    batches: ApprovalBatches = field(repr=False)
    orders: Orders = field(repr=False)
    production: ProductionLine = field(repr=False)
    batch_runs: BatchRuns = field(repr=False)
    inspections: Inspections = field(repr=False)
    renewals: Renewals = field(repr=False)
    channel_keys: ChannelKeys = field(repr=False)
    identity_checks: IdentityChecks = field(repr=False)
    recalls: Recalls = field(repr=False)
    deliveries: Deliveries = field(repr=False)
    histories: Histories = field(repr=False)
    lifecycle: Lifecycle = field(repr=False)
    replacement: Replacement = field(repr=False)
    calls: Calls = field(repr=False)
    decrees: Decrees = field(repr=False)
    stations: Stations = field(repr=False)
    hub: Hub = field(repr=False)
    mass_actions: MassActions = field(repr=False)
    mass_runs: MassRuns = field(repr=False)
    mass_background: BackgroundRuns = field(repr=False)
    handovers: Handovers = field(repr=False)
    unblocking: Unblocking = field(repr=False)
    rekeying: Rekeying = field(repr=False)
    counters: Counters = field(repr=False)
    lookups: Lookups = field(repr=False)

    def close(self) -> None:
        """Waits for the runs at work, then drops the database connections."""
        self.mass_background.close()
        self.batch_runs.close()
        self.production.close()
        self.counters.close()
        self.card_login.close()
        self.citizen_login.close()
        self.database.close()


def initialise(home: Home, clock: Clock = utc_now, randomness: Randomness = secrets.token_bytes) -> None:
    """Creates the tables and the first operators; their random passwords go to secrets/operators.json.

    Personal data is encrypted under the PKI's master key: that has to be founded. Raises KeyStoreError.
    """
    with registry_database(home) as database:
        operators = Operators(database, Audit(clock), clock, randomness)
        passwords = {username: operators.create(username, role) for username, role in FIRST_OPERATORS.items()}
        home.write_secret(PASSWORDS_FILE, json.dumps(passwords, indent=2).encode() + b"\n")


def add_second_administrator(home: Home, clock: Clock = utc_now) -> dict[str, str] | None:
    """The administrator whom a home of earlier days lacks, and their first password; None: there are two."""
    with registry_database(home) as database:
        operators = Operators(database, Audit(clock), clock, secrets.token_bytes)
        with database.reading() as session:
            administrators = select(Operator.username).where(Operator.role == Role.ADMINISTRATOR.value)
            known = set(session.scalars(administrators))
        lacking = [name for name, role in FIRST_OPERATORS.items() if role is Role.ADMINISTRATOR]
        if len(known) >= len(lacking):
            return None
        added = next(name for name in lacking if name not in known)
        return {added: operators.create(added, Role.ADMINISTRATOR)}


def open_database(home: Home, master_keys: MasterKeys) -> Database:
    """The registry's database, up to date, with its personal data readable. `close` it when done."""
    database = Database(home.database_url(SERVICE), ColumnCipher.of(master_keys))
    try:
        database.migrate()
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def registry_database(home: Home) -> Iterator[Database]:
    """`open_database` for who has not opened the PKI. Raises KeyStoreError, HomeError."""
    keys = open_key_store(home)
    try:
        database = open_database(home, keys.open_master_keys(MASTER_KEY_NAMES))
        try:
            yield database
        finally:
            database.close()
    finally:
        keys.close()


def _open_for(office: str, home: Home, pki: Pki) -> Database:
    database = open_database(home, pki.master_keys)
    try:
        with database.reading() as session:
            get_office(session, office)
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def impersonal_database(home: Home) -> Iterator[Database]:
    """The registry's database for who needs no personal data, and so no key.

    Only one of an older version is opened with the key first, to be brought up to date.
    """
    database = Database(home.database_url(SERVICE), None)
    try:
        if not database.is_current:
            with registry_database(home):
                pass
        yield database
    finally:
        database.close()


def open_workshop(
    database: Database,
    pki: Pki,
    clock: Clock = utc_now,
    randomness: Randomness = secrets.token_bytes,
    lease: timedelta = LEASE,
) -> Workshop:
    """What works on cards, over an open database."""
    certificates = Certificates(pki.authority)
    path = path_check(pki.trust)
    audit = Audit(clock)
    return Workshop(database, audit, certificates, path, pki.master_keys, clock, randomness, lease=lease)


def open_mass_actions(shop: Workshop, pki: Pki) -> tuple[MassActions, MassRuns]:
    """Decisions on mass actions, and their carrying out."""
    authority = DelegatedActions(pki.engine, shop.clock)
    actions = MassActions(shop.database, shop.audit, shop.clock, shop.randomness)
    return actions, MassRuns(shop.database, shop.audit, authority, shop.clock)


def open_stations(
    database: Database, pki: Pki, clock: Clock = utc_now, randomness: Randomness = secrets.token_bytes
) -> Stations:
    """The stations' register, over an open database."""
    authorities = Authorities(Certificates(pki.authority), pki.issuers, pki.status)
    return Stations(database, Audit(clock), authorities, clock, randomness)


def open_issuance(
    home: Home,
    pki: Pki,
    civil_register: CivilRegister,
    readers: Readers,
    clock: Clock = utc_now,
    randomness: Randomness = secrets.token_bytes,
    lease: timedelta = LEASE,
    *,
    trial: bool = False,
    office: str = FIRST_OFFICE,
) -> Issuance:
    """Opens the registry and finishes what a crash left half done.

    That is: proven deliveries, begun voidings, torn renewals on cards that were revoked meanwhile. `lease`:
    how long a torn run waits for the process that was at work on it; longer than any step of a run takes.
    `trial`: the civil register's people are all made up, so that passwords alone will do. `office`: where
    this machine stands with its own `readers`; raises NotFoundError where no office has this code.
    """
    database = _open_for(office, home, pki)
    shop = open_workshop(database, pki, clock, randomness, lease)
    audit, certificates = shop.audit, shop.certificates
    methods = MethodRules(trial)
    operators = Operators(database, audit, clock, randomness, methods)
    citizens = Citizens(civil_register, clock)
    confirmation = Confirmation(database, audit, citizens, clock)
    duplicates = Duplicates(database, audit, clock)
    approval = Approval(database, audit, confirmation, duplicates, clock)
    step_up = PasswordStepUp(operators)
    lookups, slip_keys = Lookups(database, clock, randomness), SlipKeys(pki.keys)
    hub = Hub()
    stations = open_stations(database, pki, clock, randomness)
    all_readers = AllReaders(readers, hub, stations.office_of, office)
    renewals = Renewals(shop, all_readers)
    check_life = RULES.delivery.check_life
    lifecycle = Lifecycle(database, audit, certificates, clock, randomness, renewals, check_life)
    orders, line = Orders(database, audit, clock, randomness), ProductionLine(shop, all_readers)
    card_key, rules = pki.master_keys["card"], RULES.delivery
    deliveries = Deliveries(database, audit, certificates, card_key, rules, clock, randomness)
    mass_actions, mass_runs = open_mass_actions(shop, pki)
    lookups = Lookups(database, clock, randomness)
    opened = Issuance(
        public_url=home.public_url,
        clock=clock,
        database=database,
        operators=operators,
        accounts=Accounts(database, audit, certificates, clock, randomness),
        second_factors=SecondFactors(database, audit, operators, methods, clock, randomness),
        card_login=CardLogin(home, operators),
        citizen_login=CitizenLogin(home, database, audit, clock, randomness),
        own_records=OwnRecords(database, lookups),
        offices=Offices(database, audit),
        people=People(database),
        exports=Exports(lookups, audit, clock, slip_keys.sign_document),
        erasures=Erasures(database, audit, clock, randomness),
        stock=Stock(database, audit, clock, randomness),
        enrolment=Enrolment(database, audit, citizens, confirmation, duplicates, clock, randomness),
        duplicates=duplicates,
        tracking=Tracking(database, slip_keys, clock),
        approval=approval,
        batches=ApprovalBatches(database, audit, approval, step_up, clock, randomness),
        orders=orders,
        production=line,
        batch_runs=BatchRuns(database, audit, orders, line, all_readers, clock, randomness),
        inspections=Inspections(database, audit, clock, line),
        renewals=renewals,
        channel_keys=ChannelKeys(shop, all_readers),
        identity_checks=IdentityChecks(
            database, audit, confirmation, line, deliveries.finish_card, rules, clock, randomness
        ),
        recalls=Recalls(database, audit, line, deliveries.finish_card, rules, clock),
        deliveries=deliveries,
        calls=Calls(database, audit, lifecycle, check_life, clock, randomness),
        decrees=Decrees(database, audit, clock, randomness),
        histories=Histories(database),
        lifecycle=lifecycle,
        replacement=Replacement(database, lifecycle),
        stations=stations,
        hub=hub,
        mass_actions=mass_actions,
        mass_runs=mass_runs,
        mass_background=BackgroundRuns(mass_runs, line.progress),
        handovers=Handovers(deliveries, hub, all_readers),
        unblocking=Unblocking(shop, all_readers, hub.hand_over, confirmation, rules),
        rekeying=Rekeying(shop, all_readers, hub.connect, confirmation, rules),
        counters=Counters(),
        lookups=lookups,
    )
    opened.production.finish_voidings()
    opened.deliveries.finish_proven()
    opened.lifecycle.finish_decided()
    opened.renewals.give_up_ended()
    return opened
