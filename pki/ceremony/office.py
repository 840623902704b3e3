"""What the commands call: a home, an off-line folder and officers brought together for one ceremony."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from pki import home as homes
from pki.auditchain import Head, Json, stored
from pki.authority.issuers import Issuers, certified_ca
from pki.bootstrap import check_settings, open_engine, opened_foundry
from pki.ceremony import kinds, record
from pki.ceremony.custody import NewCustody, open_vault
from pki.ceremony.desk import Desk
from pki.ceremony.errors import TranscriptError
from pki.ceremony.holding import Ceremony, abandon, hold
from pki.ceremony.officers import require_officers, require_threshold
from pki.ceremony.record import SignedTranscript
from pki.ceremony.transcript import MAX_TRANSCRIPT, heads_of, verify_transcript
from pki.clock import Clock, utc_now
from pki.errors import IssuerOfflineError, KeyStoreError
from pki.hierarchy import Role
from pki.home import Home
from pki.keys.disk import read_bounded
from pki.profiles.extensions import PublicAddresses
from pki.published import links_of
from pki.status.publication import CrlPublisher
from pki.store.database import read_only
from pki.store.models import AuditEntry, Issuer

SIGNATURE_SUFFIX = ".sig"
_NOBODY = "ceremony"


@dataclass(frozen=True)
class Attendance:
    """Where the keys of roots are, and who is there."""

    offline: Path
    officers: Sequence[str]
    desk: Desk
    new: NewCustody | None = None
    """What the folder is made with, where there is none yet."""


@dataclass(frozen=True)
class NewHome:
    """The settings of a home that a ceremony founds."""

    public_url: str
    key_location: str
    shards: int


def hold_in(home: Home, there: Attendance, ceremony: Ceremony, clock: Clock = utc_now) -> SignedTranscript:
    """Opens the folder with the officers' shares and holds the ceremony. Raises PkiError, HomeError."""
    vault = open_vault(there.offline, home.root, there.officers, there.desk, there.new)
    try:
        with opened_foundry(home, clock, _NOBODY, vault) as foundry:
            return hold(foundry, ceremony)
    finally:
        vault.close()


def abandon_in(home: Home, there: Attendance, clock: Clock = utc_now) -> SignedTranscript:
    """Ends an interrupted ceremony. Raises as `hold_in`."""
    vault = open_vault(there.offline, home.root, there.officers, there.desk)
    try:
        with opened_foundry(home, clock, _NOBODY, vault) as foundry:
            return abandon(foundry)
    finally:
        vault.close()


def found_home(root: Path, new: NewHome, there: Attendance, clock: Clock = utc_now) -> SignedTranscript:
    """Makes a home and its hierarchy, or goes on with one whose founding was interrupted."""
    officers = require_officers(there.officers)
    if there.new is not None:
        require_threshold(there.new.threshold, len(officers))
    if (root / homes.SETTINGS_FILE).exists():
        home = homes.load(root)
    else:
        check_settings(root, new.key_location, new.shards)
        home = homes.create(root, new.public_url, new.key_location, new.shards)
    return hold_in(home, there, kinds.found(home.shards), clock)


def write_transcript(transcript: SignedTranscript, folder: Path) -> tuple[Path, Path]:
    """The text and, beside it, the signature. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    text = folder / transcript.file_name
    signature = text.with_name(text.name + SIGNATURE_SUFFIX)
    text.write_bytes(transcript.text)
    signature.write_bytes(transcript.signature)
    return text, signature


def check_transcript(
    path: Path, trust: Sequence[x509.Certificate], engine: Engine | None
) -> Mapping[str, Json]:
    """The content of a transcript that a root signed.

    :param trust: roots that are known from elsewhere; where there are none, the home's own
    :param engine: the home's database, whose audit chain must hold the transcript's hash and both its ends
    Raises TranscriptError.
    """
    text = _read(path)
    signature = _read(path.with_name(path.name + SIGNATURE_SUFFIX))
    known = list(trust)
    if engine is not None and not known:
        known = [x509.load_der_x509_certificate(der) for der in _roots(engine)]
    content = verify_transcript(text, signature, known)
    if engine is not None:
        _check_chain(engine, SignedTranscript(0, "", text, b"").digest, heads_of(content))
    return content


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, MAX_TRANSCRIPT)
    except KeyStoreError as error:
        raise TranscriptError(f"{path.name}: {error.detail}") from error


def _roots(engine: Engine) -> list[bytes]:
    return [ca.certificate for ca in public_issuers(engine).generations(Role.ROOT) if ca.certificate]


def _check_chain(engine: Engine, digest: str, ends: tuple[Head, Head]) -> None:
    wanted = {end.sequence: end.hash for end in ends if end.sequence > 0}
    held = False
    with Session(read_only(engine)) as session, session.begin():
        for entry in stored(session, AuditEntry, first=min(wanted, default=1)):
            if wanted.get(entry.sequence, entry.hash) != entry.hash:
                raise TranscriptError(
                    f"audit entry {entry.sequence} is not the one that the transcript names"
                )
            closed = entry.action == record.CLOSED and entry.sequence > ends[1].sequence
            held = held or (closed and entry.details.get("transcript_sha256") == digest)
    if not held:
        raise TranscriptError("the audit chain doesn't hold this transcript's hash")


def public_issuers(engine: Engine) -> Issuers:
    """Every certified CA without its key."""
    with Session(read_only(engine)) as session:
        rows = session.scalars(select(Issuer).where(Issuer.certificate.is_not(None))).all()
        return Issuers(certified_ca(row.name, None, row.certificate or b"", row.shards) for row in rows)


def overview(home: Home, clock: Clock = utc_now) -> dict[str, Json]:
    """What there is, for officers who prepare a ceremony; opens no key."""
    engine = open_engine(home)
    try:
        issuers = public_issuers(engine)
        with Session(read_only(engine)) as session:
            rows = {row.name: row for row in session.scalars(select(Issuer))}
        publisher = CrlPublisher(engine, issuers, PublicAddresses(home.public_url), home.crls, clock)
        interrupted = record.open_kind(engine)
        return {
            "cas": [_ca(rows[ca.name], ca.facts.validity.not_after, publisher) for ca in issuers],
            "links": sorted(links_of(engine, issuers, Role.ROOT, Role.CSCA)),
            "ceremonies": [
                {"number": item.number, "kind": item.kind, "transcript_sha256": item.digest}
                for item in record.transcripts(engine)
            ],
            "interrupted": None
            if interrupted is None
            else {"number": interrupted[0], "kind": interrupted[1]},
        }
    finally:
        engine.dispose()


def _ca(row: Issuer, not_after: datetime, publisher: CrlPublisher) -> dict[str, Json]:
    try:
        end: str | None = publisher.current(row.name).next_update.isoformat()
    except IssuerOfflineError:
        end = None
    place = "retired" if row.retired else "on line" if row.online else "off line"
    return {"name": row.name, "key": place, "not_after": not_after.isoformat(), "crl_next_update": end}
