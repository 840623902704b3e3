"""Creating and opening the verifier of a home."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import text

from pki import oids
from pki.bootstrap import open_key_store
from pki.clock import Clock, utc_now
from pki.home import Home
from pki.keys.store import KeyStore
from pki.store.database import create_database_engine, migrate
from pki.validation.foreign import ForeignTrust
from verifier.authentication.policy import (
    WEB_EID_POLICY,
    AuthenticationPolicy,
    national_policy,
    operator_policy,
)
from verifier.authentication.trust import CurrentlyPinned, ForeignLogins, StaffedAuthorities
from verifier.authentication.verification import TokenVerifier
from verifier.clockguard import ClockGuard
from verifier.faults import Faults
from verifier.logins.api import LoginApi
from verifier.logins.known import Recording
from verifier.logins.records import LoginRecords
from verifier.logins.service import LoginService, own_status
from verifier.metrics import Metrics
from verifier.receipts.keys import ReceiptKeys, open_receipt_keys
from verifier.receipts.ring import ReceiptKeyRing
from verifier.recording.lane import Lane
from verifier.services.registry import SiteRegistry
from verifier.status.lookup import ForeignStatus
from verifier.status.own import StateReader, StoreStatusLookup
from verifier.status.sources import Sources
from verifier.status.sourcesfile import SourcesFile
from verifier.store.sessions import Database
from verifier.watch import Watch

MIGRATIONS = Path(__file__).parent / "migrations"
_SERVICE = "verifier"
NATIONAL_POLICY = national_policy(frozenset({oids.HOVIAT_AUTHENTICATION_POLICY}))
"""Our own cards: the certificate asserts our authentication profile's policy."""
OPERATOR_POLICY = operator_policy(frozenset({oids.HOVIAT_OPERATOR_POLICY}))
"""The registry's own people: a citizen's card is none of theirs, nor theirs a citizen's."""
POLICIES: dict[str, AuthenticationPolicy] = {
    policy.name: policy for policy in (NATIONAL_POLICY, WEB_EID_POLICY, OPERATOR_POLICY)
}
"""Every policy that a command can name."""


class RecordedClock(Protocol):
    """A clock beside a record."""

    @property
    def known(self) -> datetime:
        """The latest time that has surely been."""
        ...

    def look(self) -> None:
        """Reads the record. Raises SQLAlchemyError."""
        ...


class OpenPki(Protocol):
    """The part of an opened PKI that a verifier needs."""

    @property
    def trust(self) -> StaffedAuthorities:
        """Who may have issued a card's certificate, now."""
        ...

    @property
    def foreign(self) -> ForeignTrust:
        """Who may have issued a foreign card's certificate."""
        ...

    @property
    def status(self) -> StateReader:
        """What is known of each certificate."""
        ...

    @property
    def signing_clock(self) -> RecordedClock:
        """What the PKI has on record of the time."""
        ...

    @property
    def keys(self) -> KeyStore:
        """Where this installation keeps keys, the verifier's own among them."""
        ...


@dataclass(frozen=True)
class Verifier:
    """An opened verifier."""

    services: SiteRegistry
    logins: LoginService
    api: LoginApi
    metrics: Metrics
    database: Database
    faults: Faults
    foreign_status: ForeignStatus
    receipt_keys: ReceiptKeys | ReceiptKeyRing
    watch: Watch

    def check_health(self) -> None:
        """Raises SQLAlchemyError while the database does not answer."""
        with self.database.read() as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        """Ends what waits for the database, gives its connections back, and asks nobody any more."""
        self.api.close()
        self.foreign_status.close()
        self.database.close()


def initialise(home: Home, clock: Clock = utc_now) -> None:  # noqa: ARG001 - the services' common signature
    """Creates the verifier's tables, or brings them up to date, and the key that signs receipts.

    Raises KeyStoreError.
    """
    open_database(home).close()
    keys = open_key_store(home)
    try:
        open_receipt_keys(keys)
    finally:
        keys.close()


def open_database(home: Home) -> Database:
    """The verifier's database alone, up to date; the caller closes it."""
    engine = create_database_engine(home.database_url(_SERVICE))
    try:
        migrate(engine, MIGRATIONS)
    except BaseException:
        engine.dispose()
        raise
    return Database(engine)


def open_verifier(
    home: Home, pki: OpenPki, clock: Clock = utc_now, recording: Recording | None = None
) -> Verifier:
    """The verifier of this home: its own PKI, and the foreign authorities that its operator trusts.

    `recording` as in `assemble`. A mistake in its settings is in the way of foreign cards alone.
    Raises KeyStoreError, SQLAlchemyError.
    """
    settings = SourcesFile(home.root)
    own, staff = CurrentlyPinned(lambda: pki.trust), CurrentlyPinned(lambda: pki.trust, staff=True)
    verifiers = (
        TokenVerifier(NATIONAL_POLICY, own, StoreStatusLookup(pki.status)),
        TokenVerifier(WEB_EID_POLICY, ForeignLogins(pki.foreign), None),
        TokenVerifier(OPERATOR_POLICY, staff, StoreStatusLookup(pki.status)),
    )
    database = open_database(home)
    receipt_keys = ReceiptKeyRing(pki.keys, database, clock)
    watch = Watch(_guard(database, pki, clock), [own.look, staff.look, receipt_keys.look])
    foreign = ForeignStatus.of_file(settings)
    verifier = assemble(database, verifiers, receipt_keys, clock, foreign, watch, settings.fault, recording)
    verifier.faults.log()
    return verifier


def open_records(home: Home, pki: OpenPki, clock: Clock = utc_now) -> tuple[LoginRecords, Database]:
    """Only what records logins; the caller closes the database. Raises KeyStoreError, SQLAlchemyError."""
    database = open_database(home)
    own = CurrentlyPinned(lambda: pki.trust)
    receipt_keys = ReceiptKeyRing(pki.keys, database, clock)
    watch = Watch(_guard(database, pki, clock), [own.look, receipt_keys.look])
    store = StoreStatusLookup(pki.status)
    status = {NATIONAL_POLICY.name: store, OPERATOR_POLICY.name: store}
    return LoginRecords(database, status, receipt_keys, clock, watch=watch.look), database


def _guard(database: Database, pki: OpenPki, clock: Clock) -> ClockGuard:
    return ClockGuard(database, clock, [lambda: _known(pki.signing_clock)])


def _known(clock: RecordedClock) -> datetime:
    clock.look()
    return clock.known


def open_registry(home: Home, clock: Clock = utc_now) -> tuple[SiteRegistry, Database]:
    """Only the register of sites, which needs no PKI; the caller closes the database."""
    database = Database(create_database_engine(home.database_url(_SERVICE)))
    return SiteRegistry(database, tuple(POLICIES), clock), database


def assemble(
    database: Database,
    verifiers: Iterable[TokenVerifier],
    receipt_keys: ReceiptKeys | ReceiptKeyRing,
    clock: Clock,
    foreign_status: ForeignStatus | None = None,
    watch: Watch | None = None,
    settings_fault: Callable[[], str | None] = lambda: None,
    recording: Recording | None = None,
) -> Verifier:
    """Puts a verifier together from its parts; sites may use the policies of `verifiers`.

    `foreign_status` is asked where a verifier has no status of its own; without one, nobody logs in there.
    `watch` is asked before each batch of logins; without one, the clock is held against the own record.
    `recording` is the way to another process that records logins; without one, a thread here does.
    """
    status = foreign_status or ForeignStatus(Sources({}))
    by_policy = {verifier.policy.name: verifier for verifier in verifiers}
    foreign = {name: status for name, verifier in by_policy.items() if verifier.status is None}
    sites = SiteRegistry(database, tuple(by_policy), clock)
    trusted = {name: verifier.trust for name, verifier in by_policy.items()}
    watched = watch or Watch(ClockGuard(database, clock))
    faults = Faults(trusted, sites, watched.guard, settings_fault)
    records = LoginRecords(database, own_status(by_policy), receipt_keys, clock, watch=watched.look)
    logins = LoginService(records, by_policy, foreign)
    metrics = Metrics([faults.report, status.report])
    api = LoginApi(logins, recording or Lane("verifier-records", records.work), metrics, clock)
    return Verifier(sites, logins, api, metrics, database, faults, status, receipt_keys, watched)
