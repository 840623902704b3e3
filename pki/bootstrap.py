"""Making a PKI in an empty home, and opening the one that is there."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, inspect, select
from sqlalchemy.orm import Session

from pki.auditchain.checkpoints import Checkpointer
from pki.auditchain.keeping import KeptNote
from pki.authority import Authority
from pki.authority.issuers import Issuers
from pki.authority.issuerseal import IssuerSeal
from pki.authority.record import refuse_clock_set_back
from pki.authority.seal import IntentSeal
from pki.ceremony import steps
from pki.ceremony.custody import Vault
from pki.ceremony.founding import Foundry, read_issuers
from pki.ceremony.plan import CHECKPOINT_KEY, MASTER_KEY_NAMES, first_generation, responder_key
from pki.clock import Clock, utc_now
from pki.cms.documents import DocumentSigners
from pki.errors import DatabaseVersionError
from pki.home import PIN_VARIABLE, Home, HomeInUseError, HomeMissingError, given_database
from pki.keys.masterkeys import MasterKeys
from pki.keys.signer import Signer
from pki.keys.store import KeyStore
from pki.profiles.definitions import load_definitions, warn_of_faults
from pki.profiles.extensions import PublicAddresses
from pki.published import published_certificates
from pki.status.feed import StatusFeed
from pki.status.ocsp.answerstore import AnswerStore
from pki.status.ocsp.policy import OcspPolicy
from pki.status.ocsp.renewal import RenewingCredential
from pki.status.ocsp.responder import OcspResponder
from pki.status.publication import CrlPublisher
from pki.status.signingclock import SigningClock
from pki.status.store import StatusStore
from pki.store.database import create_database_engine, migrate
from pki.store.models import AUDIT, AuditEntry, KeyRow
from pki.trust import CurrentTrust, Trust
from pki.validation.foreign import ForeignTrust

__all__ = [
    "CHECKPOINT_KEY",
    "MASTER_KEY_NAMES",
    "MIGRATIONS",
    "UNATTENDED",
    "Pki",
    "Trust",
    "check_settings",
    "initialise",
    "is_founded",
    "migrate_home",
    "open_engine",
    "open_key_store",
    "open_pki",
    "opened_foundry",
    "responder_key",
]

MIGRATIONS = Path(__file__).parent / "store" / "migrations"
DOCUMENTS = "documents"
"""The actor of document signers that are made when it is time."""
UNATTENDED = "init"
"""The actor of an embedded installation's founding, at which no officer is present."""
_LOG = logging.getLogger(__name__)


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
    documents: DocumentSigners = field(repr=False)
    """Who signs travel documents now, and the master list."""
    published: Mapping[str, bytes] = field(repr=False)
    """What stands under /pki/ca/NAME.cer: CAs, cross certificates, links; DER."""
    current_trust: CurrentTrust = field(repr=False)
    foreign: ForeignTrust = field(repr=False)
    """Whom else than our own roots to trust, and for what."""
    engine: Engine = field(repr=False)
    metrics_folder: Path
    checkpointer: Checkpointer = field(repr=False)
    clock: Clock
    signing_clock: SigningClock = field(repr=False)
    """The same, for what leaves no record of its own."""

    @property
    def trust(self) -> Trust:
        """Our own authorities as they are now. Raises SQLAlchemyError, KeyStoreError."""
        return self.current_trust.current()

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
    with opened_foundry(home, clock, UNATTENDED) as foundry:
        warn_of_faults(foundry.definitions)
        steps.found(foundry, home.shards)


@contextmanager
def opened_foundry(home: Home, clock: Clock, actor: str, vault: Vault | None = None) -> Iterator[Foundry]:
    """What ceremonies work with, on a home that need not be founded yet. Raises HomeError, KeyStoreError."""
    engine = create_database_engine(home.database_url("pki"))
    keys = open_key_store(home)
    try:
        migrate_home(engine, home)
        definitions = load_definitions(home.profiles)
        addresses = PublicAddresses(home.public_url)
        yield Foundry(engine, keys, addresses, clock, actor, home.crls, definitions, vault)
    finally:
        engine.dispose()
        keys.close()


_INTERRUPTED = (
    "has no complete PKI: its founding was interrupted. Give the same `hoviat pki ceremony found` again; "
    "after an interrupted `hoviat init`, begin anew in another folder"
)


def check_settings(root: Path, key_location: str, shards: int) -> None:
    """Before a home is made: whether keys and database can be.

    Raises KeyStoreError, ProfileError, HomeError, SQLAlchemy's DBAPIError.
    """
    first_generation(shards)
    _check_database(root)
    keys = KeyStore.from_settings(root / "keys", key_location, lambda: b"", os.environ.get(PIN_VARIABLE))
    try:
        keys.names()
    finally:
        keys.close()


def _check_database(root: Path) -> None:
    """One that is not the home's own file must be there, and empty."""
    url = given_database("pki")
    if url is None:
        return
    engine = create_database_engine(url)
    try:
        if inspect(engine).has_table(AuditEntry.__tablename__):
            raise HomeInUseError(root, "can't be made: the database that HOVIAT_PKI_DATABASE names is used")
    finally:
        engine.dispose()


def open_key_store(home: Home) -> KeyStore:
    """The keys of this home, in files or on a token, as its settings say."""
    return KeyStore.from_settings(home.keys, home.key_location, home.passphrase, home.pin())


def open_engine(home: Home) -> Engine:
    """The PKI's database alone, for reading without keys. Raises HomeMissingError before the founding."""
    engine = create_database_engine(home.database_url("pki"))
    if not inspect(engine).has_table(AuditEntry.__tablename__):
        engine.dispose()
        raise HomeMissingError(home.root, "has no PKI database")
    return engine


def migrate_home(engine: Engine, home: Home) -> None:
    """Brings the database up to date. Raises HomeMissingError for one of an unreleased version."""
    try:
        migrate(engine, MIGRATIONS)
    except DatabaseVersionError as error:
        raise HomeMissingError(
            home.root, "was made by a version that this one can't read; run `hoviat init` in a new home"
        ) from error


def open_pki(home: Home, clock: Clock = utc_now) -> Pki:
    """Opens keys and database, goes on with what a crash left, renews responders when it is time.

    A CA whose row doesn't hold is not used; the others are. Raises HomeMissingError, WrongPassphraseError,
    KeyStoreError, ProfileError, IssuerAlteredError.
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
    if not is_founded(engine):
        raise HomeMissingError(home.root, _INTERRUPTED)
    master_keys = keys.open_master_keys(MASTER_KEY_NAMES)
    issuer_seal = IssuerSeal.of(master_keys)
    issuers = read_issuers(engine, keys, lambda: issuer_seal)
    for error in issuers.refused.values():
        _LOG.error("not used: %s", error)
    addresses = PublicAddresses(home.public_url)
    definitions = load_definitions(home.profiles)
    seal = IntentSeal.of(master_keys)
    authority = Authority(engine, issuers, addresses, seal, clock, definitions=definitions)
    authority.repair()
    crls = CrlPublisher(engine, issuers, addresses, home.crls, clock)
    crls.clean()
    status = StatusStore(engine, issuers)
    feed = StatusFeed(engine)
    signing_clock = SigningClock(engine, clock)
    return Pki(
        authority=authority,
        status=status,
        crls=crls,
        feed=feed,
        ocsp=_responder(engine, home, authority, keys, status, feed, signing_clock),
        answers=AnswerStore(home.ocsp_answers),
        master_keys=master_keys,
        keys=keys,
        documents=DocumentSigners(Foundry(engine, keys, addresses, clock, DOCUMENTS, home.crls, definitions)),
        published=published_certificates(engine, issuers),
        current_trust=CurrentTrust(engine, lambda: issuer_seal, status, issuers),
        foreign=ForeignTrust(home.anchors),
        engine=engine,
        metrics_folder=home.metrics,
        checkpointer=Checkpointer(
            engine,
            AUDIT,
            home.audit_origin,
            _open_key(engine, keys, CHECKPOINT_KEY),
            clock,
            refuse_clock_set_back,
            KeptNote(home.audit_note),
        ),
        clock=clock,
        signing_clock=signing_clock,
    )


def is_founded(engine: Engine) -> bool:
    """The checkpoints' key is the last thing that is made."""
    with Session(engine) as session:
        return session.get(KeyRow, CHECKPOINT_KEY) is not None


def _responder(
    engine: Engine,
    home: Home,
    authority: Authority,
    keys: KeyStore,
    status: StatusStore,
    feed: StatusFeed,
    clock: SigningClock,
) -> OcspResponder:
    with Session(engine) as session:
        rows = {row.name: row for row in session.scalars(select(KeyRow))}
    answering = [ca for ca in authority.issuers if ca.key is not None and responder_key(ca.name) in rows]
    credentials = {
        ca.name: RenewingCredential(
            authority, engine, keys, ca.name, rows[responder_key(ca.name)], clock.checked
        )
        for ca in answering
    }
    policy = OcspPolicy(extended_revoke=home.ocsp_extended_revoke)
    return OcspResponder(status, feed, answering, credentials, clock, policy)


def _open_key(engine: Engine, keys: KeyStore, name: str) -> Signer:
    with Session(engine) as session:
        return keys.open(session.get_one(KeyRow, name).uri)
