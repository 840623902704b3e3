"""Making a PKI in an empty home, and opening the one that is there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, inspect

from pki.authority import Authority
from pki.authority.ceremony import ca_certificates, hold_ceremony
from pki.authority.issuers import CITIZEN, ROOT, IssuingCa, certified_ca
from pki.clock import Clock, utc_now
from pki.errors import KeyStoreError
from pki.home import Home, HomeMissingError
from pki.keys.files import FileSigner
from pki.keys.identifiers import spki_of
from pki.keys.masterkeys import MasterKeys, create_master_keys, load_master_keys
from pki.profiles.extensions import PublicAddresses
from pki.status.ocsp.renewal import RenewingCredential
from pki.status.ocsp.responder import CaKey, OcspResponder
from pki.status.publication import CrlPublisher
from pki.status.store import StatusStore
from pki.store.database import create_database_engine, migrate
from pki.store.models import AuditEntry

MIGRATIONS = Path(__file__).parent / "store" / "migrations"
MASTER_KEY_NAMES = ("card", "factory")
_MASTER_KEYS_FILE = "masterkeys.json"
_CURVES: Mapping[str, ec.EllipticCurve] = {
    ROOT: ec.SECP384R1(),
    CITIZEN: ec.SECP256R1(),
    "ocsp-citizen": ec.SECP256R1(),
}


@dataclass(frozen=True)
class Trust:
    """What a relying party starts from."""

    anchors: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...]


@dataclass(frozen=True)
class Pki:
    """An open PKI. `close` it when done."""

    authority: Authority
    status: StatusStore
    crls: CrlPublisher
    ocsp: OcspResponder
    master_keys: MasterKeys = field(repr=False)
    trust: Trust
    certificates: Mapping[str, bytes] = field(repr=False)
    """The CAs' certificates in DER, by short name."""
    engine: Engine = field(repr=False)
    clock: Clock

    def close(self) -> None:
        """Gives the database connections back."""
        self.engine.dispose()


def initialise(home: Home, clock: Clock = utc_now) -> None:
    """Database, keys, CA certificates, master keys, responder and first CRLs.

    Can be repeated after it was interrupted: what is already there stays. Raises PkiError, HomeError.
    """
    passphrase = home.passphrase()
    engine = create_database_engine(home.database_url("pki"))
    try:
        migrate(engine, MIGRATIONS)
        signers = {
            name: _create_or_load(_key_path(home, name), _CURVES[name], passphrase) for name in _CURVES
        }
        if not (home.keys / _MASTER_KEYS_FILE).exists():
            create_master_keys(home.keys / _MASTER_KEYS_FILE, MASTER_KEY_NAMES, passphrase)
        hold_ceremony(engine, signers, PublicAddresses(home.public_url), clock)
    finally:
        engine.dispose()
    opened = open_pki(home, clock)
    try:
        for name in opened.crls.names:
            opened.crls.current(name)
    finally:
        opened.close()


def open_engine(home: Home) -> Engine:
    """The PKI's database alone, for reading without keys. Raises HomeMissingError before the ceremony."""
    engine = create_database_engine(home.database_url("pki"))
    if not inspect(engine).has_table(AuditEntry.__tablename__):
        engine.dispose()
        raise HomeMissingError(home.root, "has no PKI database; run `hoviat init` in a new home")
    return engine


def open_pki(home: Home, clock: Clock = utc_now) -> Pki:
    """Opens keys and database, goes on with what a crash left, renews the responder when it is time.

    Raises HomeMissingError, WrongPassphraseError, KeyStoreError.
    """
    passphrase = home.passphrase()
    master_keys = load_master_keys(home.keys / _MASTER_KEYS_FILE, passphrase)
    signers = {name: FileSigner.load(_key_path(home, name), passphrase) for name in _CURVES}
    engine = create_database_engine(home.database_url("pki"))
    try:
        return _open(engine, home, signers, master_keys, clock)
    except BaseException:
        engine.dispose()
        raise


def _open(
    engine: Engine, home: Home, signers: Mapping[str, FileSigner], master_keys: MasterKeys, clock: Clock
) -> Pki:
    migrate(engine, MIGRATIONS)
    addresses = PublicAddresses(home.public_url)
    certificates = ca_certificates(engine, addresses, clock)
    if certificates is None:
        raise HomeMissingError(home.root, "has no CA certificates; run `hoviat init` in a new home")
    issuers = {name: _ca(home, name, signers[name], der) for name, der in certificates.items()}
    authority = Authority(engine, issuers, addresses, clock)
    authority.repair()
    status = StatusStore(engine, {ca.facts.subject: name for name, ca in issuers.items()})
    credential = RenewingCredential(authority, CITIZEN, signers["ocsp-citizen"], clock)
    credential()
    citizen = CaKey(CITIZEN, issuers[CITIZEN].facts.subject, spki_of(signers[CITIZEN].public_key))
    root, intermediate = (x509.load_der_x509_certificate(certificates[name]) for name in (ROOT, CITIZEN))
    return Pki(
        authority=authority,
        status=status,
        crls=CrlPublisher(engine, issuers, clock),
        ocsp=OcspResponder(status, [citizen], credential, clock),
        master_keys=master_keys,
        trust=Trust((root,), (intermediate,)),
        certificates=certificates,
        engine=engine,
        clock=clock,
    )


def _ca(home: Home, name: str, signer: FileSigner, certificate: bytes) -> IssuingCa:
    try:
        return certified_ca(name, signer, certificate)
    except ValueError as error:
        raise KeyStoreError(_key_path(home, name), "does not belong to the CA's certificate") from error


def _key_path(home: Home, name: str) -> Path:
    return home.keys / f"{name}.pem"


def _create_or_load(path: Path, curve: ec.EllipticCurve, passphrase: bytes) -> FileSigner:
    if path.exists():
        return FileSigner.load(path, passphrase)
    signer = FileSigner.generate(curve)
    signer.save(path, passphrase)
    return signer
