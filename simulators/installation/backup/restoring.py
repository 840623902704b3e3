"""Bringing a home back: proven whole first, then told in all three chains what happened to it.

What was done after the backup is not known any more. So that nothing is repeated: serials are random (127
bits from a CSPRNG, looked for in the record as well); a CRL's number is at least its time of issue; codes and
identifiers are random; the verifier's keys for challenges are forgotten, so that none from before counts; and
orders that were waiting are held until somebody has looked whether their card was made meanwhile.
"""

import secrets
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import Engine
from sqlalchemy.orm import Session

import issuance.bootstrap
import pki.store.models
import verifier.audit
import verifier.bootstrap
from issuance.audit import Audit
from issuance.orders.reconciling import hold_all
from issuance.restored import end_what_opens
from pki.auditchain import Json, append
from pki.auditchain.keeping import KeptNote
from pki.auditchain.note import Checkpoint, CheckpointKey
from pki.auditchain.restoring import MAX_NOTE, RESTORED
from pki.auditchain.verification import Expectations, snapshot, verify_record
from pki.clock import Clock, utc_now
from pki.durable import sync_folder
from pki.home import Home, load
from pki.officers import two_officers
from pki.store.database import create_database_engine
from simulators.installation.audit import RECORDS
from simulators.installation.backup.databases import ORDER, opened, put_back, require_sqlite
from simulators.installation.backup.errors import BackupDamagedError, BackupPlaceError
from simulators.installation.backup.making import DATABASES
from simulators.installation.backup.manifest import Manifest
from simulators.installation.backup.reading import unpack
from verifier.challenges.repository import forget_secrets

_SUBJECT = "audit"


@dataclass(frozen=True)
class Restored:
    """What was brought back."""

    manifest: Manifest
    orders_held: int
    """That wait until somebody has looked whether their card was made after the backup."""
    runs_torn: int
    """That were under way: put the card in again, or give it up."""


def check(source: Path, passphrase: bytes | None, key: str | None = None) -> Manifest:
    """Proves a set whole, without bringing anything back. Raises BackupError, RecordError.

    The chains in SQLite's databases are checked up to the heads that the manifest tells; of PostgreSQL's
    dumps only the hashes are.
    """
    with tempfile.TemporaryDirectory(prefix="hoviat-check-") as name:
        folder = Path(name)
        manifest = unpack(source, folder, passphrase, key)
        kept = _kept(load(folder / "home"), manifest)
        for service, kind in manifest.databases.items():
            if kind != "sqlite":
                continue
            file = folder / DATABASES / service
            require_sqlite(file)
            engine = create_database_engine(f"sqlite:///{file}")
            try:
                _verify(engine, service, manifest, kept)
            finally:
                engine.dispose()
        return manifest


def restore(
    source: Path,
    root: Path,
    passphrase: bytes | None,
    officers: Sequence[str],
    note: str,
    key: str | None = None,
    clock: Clock = utc_now,
) -> Restored:
    """Makes `root`, which is not there or empty, the home that the set is of; it appears once all holds.

    Raises OfficerLabelError, BackupError, RecordError, KeyStoreError where an older set has to be migrated.
    """
    actor = f"officers:{'+'.join(sorted(two_officers(officers)))}"
    if not 0 < len(note) <= MAX_NOTE:
        raise BackupPlaceError(f"say why, in 1 to {MAX_NOTE} characters")
    _require_free(root)
    folder = root.with_name(f".{root.name}.{secrets.token_hex(8)}.part")
    began = int(time.time())
    try:
        folder.mkdir(mode=0o700, parents=True)
        manifest = unpack(source, folder, passphrase, key)
        home = load(folder / "home")
        kept = _kept(home, manifest)
        for service in ORDER:
            put_back(home, service, manifest.databases[service], folder / DATABASES / service)
            with opened(home, service) as engine:
                _verify(engine, service, manifest, kept)
        restored = _tell(home, manifest, actor, note, clock)
        with suppress(FileNotFoundError):
            root.rmdir()
        _outlast(began)
        (folder / "home").rename(root)
        sync_folder(root.parent)
    except OSError as error:
        raise BackupPlaceError(f"{error.filename or root}: {error.strerror}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return restored


def _outlast(second: int) -> None:
    """Waits that second out: a CRL's number is its second, and the lost home may have published in it."""
    while (now := time.time()) < second + 1:
        time.sleep(second + 1 - now)


def _require_free(root: Path) -> None:
    if root.is_symlink() or (root.exists() and (not root.is_dir() or any(root.iterdir()))):
        raise BackupPlaceError(f"{root} is not empty; a backup is brought back into a new folder")


def _kept(home: Home, manifest: Manifest) -> Checkpoint | None:
    """The kept checkpoint, which the log has to hold. Raises BackupDamagedError, CheckpointError."""
    if home.audit_origin != manifest.origin:
        raise BackupDamagedError("is of another log than the manifest says", "hoviat.toml")
    return KeptNote(home.audit_note).read()


def _verify(engine: Engine, service: str, manifest: Manifest, kept: Checkpoint | None) -> None:
    """The chain holds, and ends where it ended in the backup."""
    head = manifest.head(service)
    expected = Expectations(head=head)
    if service == "pki":
        public = load_pem_public_key(manifest.public_key.encode())
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise BackupDamagedError("names no key of checkpoints", "manifest.json")
        noted = () if kept is None else (kept,)
        expected = Expectations(head, noted, (CheckpointKey(manifest.origin, public),))
    with Session(snapshot(engine)) as session:
        found = verify_record(session, RECORDS[service], expected).head
    if found != head:
        raise BackupDamagedError("has an audit chain that ends elsewhere than the manifest says", service)


def _tell(home: Home, manifest: Manifest, actor: str, note: str, clock: Clock) -> Restored:
    """Three entries, each in the transaction of what the restore does to its database."""
    now = clock()
    details: dict[str, Json] = {"backup_made_at": manifest.made_at, "note": note}
    checker = verifier.bootstrap.open_database(home)
    try:
        with checker.write() as logins:
            forget_secrets(logins)
            append(
                logins,
                verifier.audit.AuditEntry,
                time=now,
                actor=actor,
                action=RESTORED,
                subject=_SUBJECT,
                details=details,
            )
    finally:
        checker.close()
    with issuance.bootstrap.impersonal_database(home) as registry, registry.writing() as session:
        end_what_opens(session, now)
        held = hold_all(session, now)
        told = {**details, "orders_held": held.orders, "runs_torn": held.runs}
        Audit(clock).record(session, actor, RESTORED, _SUBJECT, told)
    with opened(home, "pki") as engine, Session(engine) as session, session.begin():
        head = manifest.head("pki")
        found: dict[str, Json] = {"found_size": head.sequence, "found_hash": head.hash}
        append(
            session,
            pki.store.models.AuditEntry,
            time=now,
            actor=actor,
            action=RESTORED,
            subject=_SUBJECT,
            details={**details, **found},
        )
    return Restored(manifest, held.orders, held.runs)
