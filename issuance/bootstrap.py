"""Creating the registry in a home, and opening it."""

import json
import secrets
from dataclasses import dataclass, field

from issuance.approval.batches import ApprovalBatches
from issuance.approval.service import Approval
from issuance.approval.stepup import PasswordStepUp
from issuance.audit import Audit
from issuance.database import Database
from issuance.delivery.service import Deliveries
from issuance.duplicates.service import Duplicates
from issuance.enrolment.confirmation import Confirmation
from issuance.enrolment.service import Enrolment
from issuance.identifiers import Randomness
from issuance.lifecycle.certificates import Certificates
from issuance.lifecycle.replacement import Replacement
from issuance.lifecycle.service import Lifecycle
from issuance.operators.models import Role
from issuance.operators.service import Operators
from issuance.production.channelkeys import ChannelKeys
from issuance.production.connection import Readers
from issuance.production.pathcheck import path_check
from issuance.production.renewal import Renewals
from issuance.production.service import ProductionLine
from issuance.production.work import Workshop
from issuance.registry.citizens import Citizens
from issuance.registry.civilregister import CivilRegister
from issuance.tracking.keys import SlipKeys
from issuance.tracking.service import Tracking
from pki.bootstrap import Pki
from pki.clock import Clock, utc_now
from pki.home import Home

SERVICE = "issuance"
PASSWORDS_FILE = "operators.json"
FIRST_OPERATORS = {"clerk-1": Role.CLERK, "supervisor-1": Role.SUPERVISOR}
"""Two people, because nobody decides alone."""


@dataclass(frozen=True)
class Issuance:
    """The open registry. `close` it when done."""

    public_url: str
    clock: Clock
    database: Database = field(repr=False)
    operators: Operators = field(repr=False)
    enrolment: Enrolment = field(repr=False)
    duplicates: Duplicates = field(repr=False)
    tracking: Tracking = field(repr=False)
    approval: Approval = field(repr=False)
    batches: ApprovalBatches = field(repr=False)
    production: ProductionLine = field(repr=False)
    renewals: Renewals = field(repr=False)
    channel_keys: ChannelKeys = field(repr=False)
    deliveries: Deliveries = field(repr=False)
    lifecycle: Lifecycle = field(repr=False)
    replacement: Replacement = field(repr=False)

    def close(self) -> None:
        """Waits for the runs at work, then drops the database connections."""
        self.production.close()
        self.database.close()


def initialise(home: Home, clock: Clock = utc_now, randomness: Randomness = secrets.token_bytes) -> None:
    """Creates the tables and the first operators; their random passwords go to secrets/operators.json."""
    database = Database(home.database_url(SERVICE))
    try:
        database.migrate()
        operators = Operators(database, Audit(clock), clock, randomness)
        passwords = {username: operators.create(username, role) for username, role in FIRST_OPERATORS.items()}
        home.write_secret(PASSWORDS_FILE, json.dumps(passwords, indent=2).encode() + b"\n")
    finally:
        database.close()


def open_workshop(
    database: Database, pki: Pki, clock: Clock = utc_now, randomness: Randomness = secrets.token_bytes
) -> Workshop:
    """What works on cards, over an open database."""
    certificates = Certificates(pki.authority)
    path = path_check(pki.trust)
    return Workshop(database, Audit(clock), certificates, path, pki.master_keys, clock, randomness)


def open_issuance(
    home: Home,
    pki: Pki,
    civil_register: CivilRegister,
    readers: Readers,
    clock: Clock = utc_now,
    randomness: Randomness = secrets.token_bytes,
) -> Issuance:
    """Opens the registry and finishes what a crash left half done.

    That is: proven deliveries, begun voidings, torn renewals on cards that were revoked meanwhile.
    """
    database = Database(home.database_url(SERVICE))
    database.migrate()
    shop = open_workshop(database, pki, clock, randomness)
    audit, certificates = shop.audit, shop.certificates
    renewals = Renewals(shop, readers)
    operators = Operators(database, audit, clock, randomness)
    citizens = Citizens(civil_register, clock)
    confirmation = Confirmation(database, audit, citizens, clock)
    duplicates = Duplicates(database, audit, clock)
    approval = Approval(database, audit, confirmation, duplicates, clock)
    step_up = PasswordStepUp(operators)
    lifecycle = Lifecycle(database, audit, certificates, clock, renewals)
    opened = Issuance(
        public_url=home.public_url,
        clock=clock,
        database=database,
        operators=operators,
        enrolment=Enrolment(database, audit, citizens, confirmation, duplicates, clock, randomness),
        duplicates=duplicates,
        tracking=Tracking(database, SlipKeys(pki.keys), clock),
        approval=approval,
        batches=ApprovalBatches(database, audit, approval, step_up, clock, randomness),
        production=ProductionLine(shop, readers),
        renewals=renewals,
        channel_keys=ChannelKeys(shop, readers),
        deliveries=Deliveries(database, audit, certificates, pki.master_keys["card"], clock, randomness),
        lifecycle=lifecycle,
        replacement=Replacement(database, lifecycle),
    )
    opened.production.finish_voidings()
    opened.deliveries.finish_proven()
    opened.renewals.give_up_ended()
    return opened
