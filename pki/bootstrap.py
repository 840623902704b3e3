"""Making a PKI in an empty home, and opening the one that is there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from alembic.util import CommandError
from cryptography import x509
from sqlalchemy import Engine, inspect, select
from sqlalchemy.orm import Session

from pki.authority import Authority
from pki.authority.issuers import Issuers
from pki.ceremony.founding import Foundry, read_issuers
from pki.ceremony.plan import first_generation
from pki.clock import Clock, utc_now
from pki.hierarchy import Role
from pki.home import Home, HomeMissingError
from pki.keys.kinds import KeyKind
from pki.keys.masterkeys import MasterKeys
from pki.keys.store import KeyStore
from pki.profiles.definitions import load_definitions
from pki.profiles.extensions import PublicAddresses
from pki.status.feed import StatusFeed
from pki.status.ocsp.answerstore import AnswerStore
from pki.status.ocsp.policy import OcspPolicy
from pki.status.ocsp.renewal import RenewingCredential
from pki.status.ocsp.responder import OcspResponder
from pki.status.publication import CrlPublisher
from pki.status.store import StatusStore
from pki.store.database import create_database_engine, migrate
from pki.store.models import AuditEntry, KeyRow

MIGRATIONS = Path(__file__).parent / "store" / "migrations"
MASTER_KEY_NAMES = ("card", "factory")
UNATTENDED = "init"
"""The actor of an embedded installation's founding, at which no officer is present."""
CHECKPOINT_KEY = "checkpoint"
"""The name of the key that signs the audit chain's checkpoints."""
_ANSWERING = (
    Role.CITIZEN_AUTHENTICATION,
    Role.CITIZEN_SIGNATURE,
    Role.CARD,
    Role.OPERATOR,
    Role.SERVICE,
)
"""Roles whose certificates name an OCSP responder."""
_CITIZENS = (Role.CITIZEN_AUTHENTICATION, Role.CITIZEN_SIGNATURE, Role.CARD)


@dataclass(frozen=True)
class Trust:
    """What a relying party starts from."""

    anchors: tuple[x509.Certificate, ...]
    """The roots, every generation."""
    intermediates: tuple[x509.Certificate, ...]
    """The CAs of citizens' cards, every generation."""


@dataclass(frozen=True)
class Pki:
    """An open PKI. `close` it when done."""

    authority: Authority
    status: StatusStore
    crls: CrlPublisher
    feed: StatusFeed
    ocsp: OcspResponder
    answers: AnswerStore = field(repr=False)
    master_keys: MasterKeys = field(repr=False)
    keys: KeyStore = field(repr=False)
    trust: Trust
    engine: Engine = field(repr=False)
    clock: Clock

    @property
    def issuers(self) -> Issuers:
        """Every CA, every generation."""
        return self.authority.issuers

    @property
    def certificates(self) -> Mapping[str, bytes]:
        """The CAs' certificates in DER, by short name."""
        return {ca.name: ca.certificate for ca in self.issuers if ca.certificate is not None}

    def close(self) -> None:
        """Gives the database connections and the token's sessions back."""
        self.answers.close()
        self.engine.dispose()
        self.keys.close()


def initialise(home: Home, clock: Clock = utc_now) -> None:
    """Database, keys, CA certificates, master keys, responders and first CRLs, with nobody present.

    The same code as a ceremony, for an embedded installation; production roots come from `hoviat pki
    ceremony`. Can be repeated after it was interrupted. Raises PkiError, HomeError.
    """
    definitions = load_definitions(home.profiles)
    engine = create_database_engine(home.database_url("pki"))
    keys = open_key_store(home)
    try:
        migrate_home(engine, home)
        addresses = PublicAddresses(home.public_url)
        foundry = Foundry(engine, keys, addresses, clock, UNATTENDED, definitions)
        first = first_generation(home.shards)
        foundry.found(first)
        if not keys.has_master_keys(MASTER_KEY_NAMES):
            keys.create_master_keys(MASTER_KEY_NAMES)
        for name in (*(responder_key(ca.name) for ca in first if ca.role in _ANSWERING), CHECKPOINT_KEY):
            foundry.make_service_key(name, KeyKind.P256)
    finally:
        engine.dispose()
        keys.close()
    opened = open_pki(home, clock)
    try:
        for name in opened.crls.names:
            opened.crls.current(name)
    finally:
        opened.close()


def open_key_store(home: Home) -> KeyStore:
    """The keys of this home, in files or on a token, as its settings say."""
    return KeyStore.from_settings(home.keys, home.key_location, home.passphrase, home.pin())


def open_engine(home: Home) -> Engine:
    """The PKI's database alone, for reading without keys. Raises HomeMissingError before the founding."""
    engine = create_database_engine(home.database_url("pki"))
    if not inspect(engine).has_table(AuditEntry.__tablename__):
        engine.dispose()
        raise HomeMissingError(home.root, "has no PKI database; run `hoviat init` in a new home")
    return engine


def migrate_home(engine: Engine, home: Home) -> None:
    """Brings the database up to date. Raises HomeMissingError for one of an unreleased version."""
    try:
        migrate(engine, MIGRATIONS)
    except CommandError as error:
        raise HomeMissingError(
            home.root, "was made by a version that this one can't read; run `hoviat init` in a new home"
        ) from error


def open_pki(home: Home, clock: Clock = utc_now) -> Pki:
    """Opens keys and database, goes on with what a crash left, renews responders when it is time.

    Raises HomeMissingError, WrongPassphraseError, KeyStoreError, ProfileError.
    """
    keys = open_key_store(home)
    engine = create_database_engine(home.database_url("pki"))
    try:
        migrate_home(engine, home)
        return _open(engine, home, keys, clock)
    except BaseException:
        engine.dispose()
        keys.close()
        raise


def _open(engine: Engine, home: Home, keys: KeyStore, clock: Clock) -> Pki:
    if not _is_founded(engine):
        raise HomeMissingError(home.root, "has no complete PKI; run `hoviat init` in a new home")
    issuers = read_issuers(engine, keys)
    addresses = PublicAddresses(home.public_url)
    authority = Authority(engine, issuers, addresses, clock, definitions=load_definitions(home.profiles))
    authority.repair()
    status = StatusStore(engine, issuers)
    feed = StatusFeed(engine)
    return Pki(
        authority=authority,
        status=status,
        crls=CrlPublisher(engine, issuers, clock),
        feed=feed,
        ocsp=_responder(engine, home, authority, keys, status, feed, clock),
        answers=AnswerStore(home.ocsp_answers),
        master_keys=keys.open_master_keys(MASTER_KEY_NAMES),
        keys=keys,
        trust=Trust(_loaded(issuers, (Role.ROOT,)), _loaded(issuers, _CITIZENS)),
        engine=engine,
        clock=clock,
    )


def _is_founded(engine: Engine) -> bool:
    """The checkpoints' key is the last thing that is made."""
    with Session(engine) as session:
        return session.get(KeyRow, CHECKPOINT_KEY) is not None


def responder_key(issuer: str) -> str:
    """The name of the key with which a CA's OCSP responder signs."""
    return f"ocsp-{issuer}"


def _responder(
    engine: Engine,
    home: Home,
    authority: Authority,
    keys: KeyStore,
    status: StatusStore,
    feed: StatusFeed,
    clock: Clock,
) -> OcspResponder:
    with Session(engine) as session:
        rows = {row.name: row for row in session.scalars(select(KeyRow))}
    answering = [ca for ca in authority.issuers if responder_key(ca.name) in rows]
    credentials = {
        ca.name: RenewingCredential(authority, engine, keys, ca.name, rows[responder_key(ca.name)], clock)
        for ca in answering
    }
    policy = OcspPolicy(extended_revoke=home.ocsp_extended_revoke)
    return OcspResponder(status, feed, answering, credentials, clock, policy)


def _loaded(issuers: Issuers, roles: tuple[Role, ...]) -> tuple[x509.Certificate, ...]:
    return tuple(
        x509.load_der_x509_certificate(ca.certificate)
        for role in roles
        for ca in issuers.generations(role)
        if ca.certificate is not None
    )
