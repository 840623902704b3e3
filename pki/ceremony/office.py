"""What the commands call: a home, an off-line folder and officers brought together for one ceremony."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cryptography import x509
from sqlalchemy import Engine, make_url, select
from sqlalchemy.orm import Session

from pki import home as homes
from pki.auditchain import Head, Json, stored
from pki.authority.issuerseal import IssuerSeal
from pki.authority.seal import SEALING_MASTER_KEY
from pki.bootstrap import (
    check_settings,
    is_founded,
    migrate_home,
    open_engine,
    open_key_store,
    opened_foundry,
)
from pki.ceremony import checks, kinds, record
from pki.ceremony.custody import NewCustody, Vault, has_custody, open_vault
from pki.ceremony.desk import Desk
from pki.ceremony.errors import CeremonyOpenError, CeremonyPlanError, TranscriptError
from pki.ceremony.founding import public_issuers
from pki.ceremony.holding import Ceremony, abandon, hold
from pki.ceremony.officers import require_officers, require_threshold
from pki.ceremony.record import SignedTranscript
from pki.ceremony.transcript import MAX_TRANSCRIPT, heads_of, verify_transcript
from pki.clock import Clock, utc_now
from pki.errors import IssuerOfflineError, KeyStoreError
from pki.hierarchy import Role
from pki.home import Home, HomeMissingError
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
    out: Path | None = None
    """Where the transcript will be written."""


@dataclass(frozen=True)
class NewHome:
    """The settings of a home that a ceremony founds."""

    public_url: str
    key_location: str
    shards: int


def hold_in(home: Home, there: Attendance, ceremony: Ceremony, clock: Clock = utc_now) -> SignedTranscript:
    """Opens the folder with the officers' shares and holds the ceremony. Raises PkiError, HomeError.

    What can be known to fail is refused first, while no key is open and no share was asked for.
    """
    _require_founded(home)
    vault = _opened(home, _prepared(home, there, ceremony, clock))
    return _hold(home, vault, ceremony, clock)


def _hold(home: Home, vault: Vault, ceremony: Ceremony, clock: Clock) -> SignedTranscript:
    try:
        with opened_foundry(home, clock, _NOBODY, vault) as foundry:
            return hold(foundry, ceremony)
    finally:
        vault.close()


def abandon_in(home: Home, there: Attendance, clock: Clock = utc_now) -> SignedTranscript:
    """Ends an interrupted ceremony. Raises as `hold_in`."""
    engine = open_engine(home)
    try:
        interrupted = record.open_kind(engine)
    finally:
        engine.dispose()
    if interrupted is None:
        raise CeremonyPlanError("no ceremony was interrupted")
    _require_output(there, *interrupted)
    vault = _opened(home, replace(there, new=None))
    try:
        with opened_foundry(home, clock, _NOBODY, vault) as foundry:
            return abandon(foundry)
    finally:
        vault.close()


def found_home(root: Path, new: NewHome, there: Attendance, clock: Clock = utc_now) -> SignedTranscript:
    """Makes a home and its hierarchy, or goes on with one whose founding was interrupted.

    Until the officers have opened the off-line folder there is no home. Raises as `hold_in`.
    """
    officers = require_officers(there.officers)
    if there.new is not None:
        require_threshold(there.new.threshold, len(officers))
    begun = (root / homes.SETTINGS_FILE).exists()
    home = _begun_home(root, new) if begun else _home_to_be(root, new)
    ceremony = kinds.found(home.shards)
    if begun or _has_database(home):
        there = _prepared(home, there, ceremony, clock)
    else:
        _require_output(there, 1, ceremony.kind)
    vault = _opened(home, there)
    try:
        if not begun:
            homes.create(root, new.public_url, new.key_location, new.shards)
    except BaseException:
        vault.close()
        raise
    return _hold(home, vault, ceremony, clock)


def _begun_home(root: Path, new: NewHome) -> Home:
    """The home of an interrupted founding. Raises CeremonyPlanError where other settings are asked for."""
    home = homes.load(root)
    for name, begun, asked in (
        ("public URL", home.public_url, new.public_url.rstrip("/")),
        ("place of keys", home.key_location, new.key_location),
        ("number of shards", home.shards, new.shards),
    ):
        if begun != asked:
            raise CeremonyPlanError(f"this home was begun with another {name}; give the same command")
    return home


def _home_to_be(root: Path, new: NewHome) -> Home:
    """The home that will be made. Raises HomeError, KeyStoreError, ProfileError."""
    check_settings(root, new.key_location, new.shards)
    homes.require_new(root, new.public_url)
    return Home(root.absolute(), new.public_url.rstrip("/"), new.key_location, new.shards)


def _has_database(home: Home) -> bool:
    """Whether the home's database, which may be one of several on a server, was used before."""
    url = make_url(home.database_url("pki"))
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return False  # to ask would make the file
    try:
        open_engine(home).dispose()
    except HomeMissingError:
        return False
    return True


def _require_founded(home: Home) -> None:
    engine = open_engine(home)
    try:
        migrate_home(engine, home)
        interrupted = record.open_kind(engine)
        if interrupted is None and not is_founded(engine):
            raise HomeMissingError(home.root, "has no complete PKI to hold this ceremony on")
    finally:
        engine.dispose()


def _prepared(home: Home, there: Attendance, ceremony: Ceremony, clock: Clock) -> Attendance:
    """All that is refused while every key is closed; a new folder only where this hierarchy has none."""
    with opened_foundry(home, clock, _NOBODY) as foundry:
        checks.require_clock(foundry)
        interrupted = record.open_kind(foundry.engine)
        if interrupted is None:
            ceremony.make_plan(foundry)
        elif interrupted[1] != ceremony.kind:
            raise CeremonyOpenError(*interrupted)
        checks.require_room((home.keys, home.crls))
        foundry.keys.names()  # a token that is away says so now
        number = record.next_number(foundry.engine) if interrupted is None else interrupted[0]
        _require_output(there, number, ceremony.kind)
        has_folder = interrupted is not None or checks.has_offline_keys(foundry)
        if not has_folder and not has_custody(there.offline):
            foundry.issuers()  # else shares would be handed out before a wrong passphrase shows
    return replace(there, new=None) if has_folder else there


def _opened(home: Home, there: Attendance) -> Vault:
    return open_vault(there.offline, home.root, there.officers, there.desk, there.new)


def _require_output(there: Attendance, number: int, kind: str) -> None:
    """The transcript can be written, and overwrites nothing. Raises CeremonyPlanError."""
    if there.out is None:
        return
    checks.require_room([there.out])
    text = there.out / SignedTranscript(number, kind, b"", b"").file_name
    for path in (text, _signature_beside(text)):
        if path.exists() or path.is_symlink():
            raise CeremonyPlanError(f"{path} exists; choose another folder for the transcript")


def write_transcript(transcript: SignedTranscript, folder: Path) -> tuple[Path, Path]:
    """The text and, beside it, the signature; other files of these names are left alone. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    text = folder / transcript.file_name
    signature = _signature_beside(text)
    for path, content in ((text, transcript.text), (signature, transcript.signature)):
        if not (path.is_file() and path.read_bytes() == content):
            with path.open("xb") as file:
                file.write(content)
    return text, signature


def _signature_beside(text: Path) -> Path:
    return text.with_name(text.name + SIGNATURE_SUFFIX)


def check_transcript(path: Path, trust: Sequence[x509.Certificate], home: Home | None) -> Mapping[str, Json]:
    """The content of a transcript that a root signed.

    :param trust: roots that are known from elsewhere; where there are none, the home's own
    :param home: whose audit chain must hold the transcript's hash and both its ends
    Raises TranscriptError, HomeError; KeyStoreError where the home's own roots are asked for: the seals on
    their rows are checked.
    """
    text = _read(path)
    signature = _read(_signature_beside(path))
    if home is None:
        return verify_transcript(text, signature, list(trust))
    engine = open_engine(home)
    try:
        content = verify_transcript(text, signature, list(trust) or _roots(engine, home))
        _check_chain(engine, SignedTranscript(0, "", text, b"").digest, heads_of(content))
    finally:
        engine.dispose()
    return content


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, MAX_TRANSCRIPT)
    except KeyStoreError as error:
        raise TranscriptError(f"{path.name}: {error.detail}") from error


def _roots(engine: Engine, home: Home) -> list[x509.Certificate]:
    keys = open_key_store(home)
    try:
        issuers = public_issuers(engine, lambda: IssuerSeal.of(keys.open_master_keys((SEALING_MASTER_KEY,))))
    finally:
        keys.close()
    roots = issuers.generations(Role.ROOT)
    return [x509.load_der_x509_certificate(ca.certificate) for ca in roots if ca.certificate]


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


def overview(home: Home, clock: Clock = utc_now) -> dict[str, Json]:
    """What the tables say, for officers who prepare a ceremony; opens no key, so no seal is checked."""
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
