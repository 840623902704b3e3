"""Creating and opening the verifier of a home."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography import x509
from sqlalchemy import text

from pki import oids
from pki.clock import Clock, utc_now
from pki.home import Home
from pki.store.database import create_database_engine, migrate
from verifier.authentication.policy import WEB_EID_POLICY, AuthenticationPolicy, national_policy
from verifier.authentication.trust import TrustStore
from verifier.authentication.verification import TokenVerifier
from verifier.logins.api import LoginApi
from verifier.logins.service import LoginService
from verifier.metrics import Metrics
from verifier.services.registry import SiteRegistry
from verifier.statuslookup import StateReader, StoreStatusLookup
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
    def status(self) -> StateReader:
        """What is known of each certificate."""
        ...


@dataclass(frozen=True)
class Verifier:
    """An opened verifier."""

    services: SiteRegistry
    logins: LoginService
    api: LoginApi
    metrics: Metrics
    database: Database

    def check_health(self) -> None:
        """Raises SQLAlchemyError while the database does not answer."""
        with self.database.read() as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        """Ends what waits for the database, and gives its connections back."""
        self.api.close()
        self.database.close()


def initialise(home: Home, clock: Clock = utc_now) -> None:  # noqa: ARG001 - the services' common signature
    """Creates the verifier's tables, or brings them up to date."""
    engine = create_database_engine(home.database_url(_SERVICE))
    try:
        migrate(engine, MIGRATIONS)
    finally:
        engine.dispose()


def open_verifier(home: Home, pki: OpenPki, clock: Clock = utc_now) -> Verifier:
    """The verifier of this home, trusting its own PKI."""
    trust = TrustStore(pki.trust.anchors, pki.trust.intermediates)
    national = TokenVerifier(NATIONAL_POLICY, trust, StoreStatusLookup(pki.status))
    return assemble(Database(create_database_engine(home.database_url(_SERVICE))), [national], clock)


def open_registry(home: Home, clock: Clock = utc_now) -> tuple[SiteRegistry, Database]:
    """Only the register of sites, which needs no PKI; the caller closes the database."""
    database = Database(create_database_engine(home.database_url(_SERVICE)))
    return SiteRegistry(database, (NATIONAL_POLICY.name,), clock), database


def assemble(database: Database, verifiers: Iterable[TokenVerifier], clock: Clock) -> Verifier:
    """Puts a verifier together from its parts; sites may use the policies of `verifiers`."""
    by_policy = {verifier.policy.name: verifier for verifier in verifiers}
    logins, metrics = LoginService(database, by_policy, clock), Metrics()
    services = SiteRegistry(database, tuple(by_policy), clock)
    return Verifier(services, logins, LoginApi(logins, metrics), metrics, database)
