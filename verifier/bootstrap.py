"""Creating and opening the verifier of a home."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography import x509
from sqlalchemy import text

from pki import oids
from pki.bootstrap import open_key_store
from pki.clock import Clock, utc_now
from pki.home import Home
from pki.keys.store import KeyStore
from pki.store.database import create_database_engine, migrate
from pki.validation.foreign import ForeignTrust
from verifier.authentication.policy import WEB_EID_POLICY, AuthenticationPolicy, national_policy
from verifier.authentication.trust import ForeignLogins, PinnedTrust
from verifier.authentication.verification import TokenVerifier
from verifier.faults import Faults
from verifier.logins.api import LoginApi, Recording
from verifier.logins.records import LoginRecords
from verifier.logins.service import LoginService, own_status
from verifier.metrics import Metrics
from verifier.receipts.keys import ReceiptKeys, open_receipt_keys
from verifier.recording.lane import Lane
from verifier.services.registry import SiteRegistry
from verifier.status.lookup import ForeignStatus
from verifier.status.own import StateReader, StoreStatusLookup
from verifier.status.sources import Sources, load_sources
from verifier.store.sessions import Database

MIGRATIONS = Path(__file__).parent / "migrations"
_SERVICE = "verifier"
NATIONAL_POLICY = national_policy(frozenset({oids.HOVIAT_AUTHENTICATION_POLICY}))
"""Our own cards: the certificate asserts our authentication profile's policy."""
POLICIES: dict[str, AuthenticationPolicy] = {
    policy.name: policy for policy in (NATIONAL_POLICY, WEB_EID_POLICY)
}
"""Every policy that a command can name."""


class TrustedCertificates(Protocol):
    """The authorities of our own PKI."""

    @property
    def anchors(self) -> Iterable[x509.Certificate]:
        """Roots."""
        ...

    @property
    def intermediates(self) -> Iterable[x509.Certificate]:
        """Issuing authorities."""
        ...


class OpenPki(Protocol):
    """The part of an opened PKI that a verifier needs."""

    @property
    def trust(self) -> TrustedCertificates:
        """Who may have issued a card's certificate."""
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
    receipt_keys: ReceiptKeys

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

    `recording` as in `assemble`.

    Raises StatusSettingsError, KeyStoreError.
    """
    receipt_keys = open_receipt_keys(pki.keys)
    foreign_status = ForeignStatus(load_sources(home.root))
    own = PinnedTrust(pki.trust.anchors, pki.trust.intermediates)
    verifiers = (
        TokenVerifier(NATIONAL_POLICY, own, StoreStatusLookup(pki.status)),
        TokenVerifier(WEB_EID_POLICY, ForeignLogins(pki.foreign), None),
    )
    verifier = assemble(open_database(home), verifiers, receipt_keys, clock, foreign_status, recording)
    verifier.faults.log()
    return verifier


def open_records(home: Home, pki: OpenPki, clock: Clock = utc_now) -> tuple[LoginRecords, Database]:
    """Only what records logins; the caller closes the database. Raises KeyStoreError."""
    status = {NATIONAL_POLICY.name: StoreStatusLookup(pki.status)}
    receipt_keys = open_receipt_keys(pki.keys)
    database = open_database(home)
    return LoginRecords(database, status, receipt_keys, clock), database


def open_registry(home: Home, clock: Clock = utc_now) -> tuple[SiteRegistry, Database]:
    """Only the register of sites, which needs no PKI; the caller closes the database."""
    database = Database(create_database_engine(home.database_url(_SERVICE)))
    return SiteRegistry(database, tuple(POLICIES), clock), database


def assemble(
    database: Database,
    verifiers: Iterable[TokenVerifier],
    receipt_keys: ReceiptKeys,
    clock: Clock,
    foreign_status: ForeignStatus | None = None,
    recording: Recording | None = None,
) -> Verifier:
    """Puts a verifier together from its parts; sites may use the policies of `verifiers`.

    `foreign_status` is asked where a verifier has no status of its own; without one, nobody logs in there.
    `recording` is the way to another process that records logins; without one, a thread here does.
    """
    status = foreign_status or ForeignStatus(Sources({}))
    by_policy = {verifier.policy.name: verifier for verifier in verifiers}
    foreign = {name: status for name, verifier in by_policy.items() if verifier.status is None}
    sites = SiteRegistry(database, tuple(by_policy), clock)
    trusted = {name: verifier.trust for name, verifier in by_policy.items()}
    faults = Faults(trusted, sites, database, clock)
    records = LoginRecords(database, own_status(by_policy), receipt_keys, clock)
    logins = LoginService(records, by_policy, foreign)
    metrics = Metrics([faults.report, status.report])
    api = LoginApi(logins, recording or Lane("verifier-records", records.work), metrics)
    return Verifier(sites, logins, api, metrics, database, faults, status, receipt_keys)
