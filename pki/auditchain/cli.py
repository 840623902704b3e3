"""`hoviat pki audit …`: make checkpoints, prove entries, check everything. Imported when one of them runs."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from pki.auditchain.chain import Head
from pki.auditchain.errors import CheckpointError, TablesDifferError
from pki.auditchain.keeping import KeptNote
from pki.auditchain.note import NOTE_LIMIT, Checkpoint, CheckpointKey, parse_checkpoint
from pki.auditchain.presenting import show_checkpoint, show_verified
from pki.auditchain.proofs import (
    PROOF_LIMIT,
    Proof,
    check_proof,
    claimed_origin,
    prove_consistency,
    prove_inclusion,
)
from pki.auditchain.restoring import accept_restored
from pki.auditchain.verification import Expectations, Verified, snapshot, verify_record
from pki.bootstrap import open_engine
from pki.checkpointing import checkpointer_of, opened_signer
from pki.clock import utc_now
from pki.commandline import errors_told
from pki.commandline import home as current_home
from pki.home import Home
from pki.reconciliation import Reconciliation
from pki.reconciliation.spool import open_spool
from pki.store.models import AUDIT

_DIGEST = re.compile(r"[0-9a-f]{64}")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")


@click.command()
@click.option(
    "--head", metavar="SEQUENCE:HASH", help="An end noted earlier, which the chain must still hold."
)
@click.option(
    "--checkpoint", "noted", type=_FILE, help="A checkpoint noted elsewhere, which must still hold."
)
@click.option(
    "--key",
    "keys",
    type=_FILE,
    multiple=True,
    help="Public key (PEM) whose signatures count; may be repeated. By default this home's own.",
)
@click.option("--proof", type=_FILE, help="Check this proof alone, by --key: needs no home.")
@click.option("--log-only", is_flag=True, help="Don't compare the certificates' tables with the log.")
@_json_option
def verify(
    *,
    head: str | None,
    noted: Path | None,
    keys: tuple[Path, ...],
    proof: Path | None,
    log_only: bool,
    as_json: bool,
) -> None:
    """Check links, tree and checkpoints, those in the database and the one kept in the home; print the end.

    Then the log is replayed: what it says of each certificate, the tables must say, too; every difference is
    named on stderr. Note the end elsewhere: it is what --head takes.
    """
    with errors_told():
        checkpoint = None if noted is None else parse_checkpoint(_read(noted, NOTE_LIMIT))
        if proof is not None:
            _verify_proof(_read(proof, PROOF_LIMIT), [_read_key(path) for path in keys], checkpoint, as_json)
            return
        home = current_home()
        public = [_read_key(path) for path in keys] or [_own_key(home)]
        kept = KeptNote(home.audit_note).read()
        known = Expectations(
            None if head is None else _parse_head(head),
            tuple(item for item in (checkpoint, kept) if item is not None),
            tuple(CheckpointKey(home.audit_origin, key) for key in public),
        )
        with _database(home) as engine, Session(snapshot(engine)) as session:
            verified, compared = _checked(session, known, log_only=log_only)
    show_verified(verified, compared, kept, as_json)


@click.command()
@_json_option
def checkpoint(*, as_json: bool) -> None:
    """Sign the log's present state; print the checkpoint. Note it elsewhere: --checkpoint takes it."""
    with errors_told():
        home = current_home()
        with _database(home) as engine, opened_signer(home, engine) as signer:
            made = checkpointer_of(home, engine, signer).make()
    show_checkpoint(made, as_json)


@click.command()
@click.option("--officer", "officers", required=True, multiple=True, metavar="NAME", help="Two, by labels.")
@click.option("--note", required=True, help="Why, in words, for the audit. No personal data.")
@_json_option
def restored(*, officers: tuple[str, ...], note: str, as_json: bool) -> None:
    """After a restore from a backup: record that signed entries are lost, and sign the log as it is now.

    Until then no checkpoint is signed. The kept one is set aside beside the new one: hand it to the auditors.
    """
    with errors_told():
        home = current_home()
        with _database(home) as engine, opened_signer(home, engine) as signer:
            kept, checkpointer = KeptNote(home.audit_note), checkpointer_of(home, engine, signer)
            made = accept_restored(engine, AUDIT, kept, checkpointer, officers, note, utc_now)
    show_checkpoint(made, as_json)


@click.command()
@click.argument("sequence", type=int, required=False)
@click.option(
    "--consistency", "old_size", type=int, metavar="OLD_SIZE", help="That the log begins with these entries."
)
def prove(*, sequence: int | None, old_size: int | None) -> None:
    """Print a proof (JSON) that entry SEQUENCE is in the log, or that the log only grew since OLD_SIZE."""
    if (sequence is None) == (old_size is None):
        raise click.UsageError("give either SEQUENCE or --consistency OLD_SIZE")
    with errors_told(), _database(current_home()) as engine, Session(snapshot(engine)) as session:
        if sequence is not None:
            proof: Proof = prove_inclusion(session, AUDIT, sequence)
        else:
            proof = prove_consistency(session, AUDIT, old_size or 0)
    click.echo(json.dumps(proof, ensure_ascii=False, indent=1))


@click.command()
@_json_option
def key(*, as_json: bool) -> None:
    """Print the public key that signs checkpoints (PEM): what strangers check proofs with."""
    with errors_told():
        home = current_home()
        own = CheckpointKey(home.audit_origin, _own_key(home))
    pem = own.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    data = {"origin": own.name, "verifier_key": own.verifier_key, "pem": pem}
    click.echo(json.dumps(data) if as_json else pem, nl=as_json)


def _checked(session: Session, known: Expectations, *, log_only: bool) -> tuple[Verified, int | None]:
    """The log, and how many certificates were held against it. Raises RecordError."""
    if log_only:
        return verify_record(session, AUDIT, known), None
    with open_spool() as spool:
        replay = Reconciliation(session, spool)
        verified = verify_record(session, AUDIT, known, replay.watch)
        found = 0
        for difference in replay.differences():
            click.echo(f"{difference.kind} {difference.serial}: {difference.what}", err=True)
            found += 1
    if found:
        raise TablesDifferError(found)
    return verified, replay.compared


def _verify_proof(
    text: str, keys: list[ec.EllipticCurvePublicKey], noted: Checkpoint | None, as_json: bool
) -> None:
    if not keys:
        raise click.UsageError("--proof needs --key: who else should vouch for it?")
    # Any name: the key vouches for one log only.
    names = {claimed_origin(text)} | (set() if noted is None else {noted.origin})
    proven = check_proof(text, [CheckpointKey(name, key) for name in names for key in keys], noted)
    data = {"statement": proven.statement, "origin": proven.checkpoint.origin, "size": proven.checkpoint.size}
    click.echo(json.dumps(data) if as_json else f"{proven.checkpoint.origin}: {proven.statement}")


@contextmanager
def _database(home: Home) -> Iterator[Engine]:
    """As it is: an auditor's look brings no tables up to date."""
    engine = open_engine(home)
    try:
        yield engine
    finally:
        engine.dispose()


def _own_key(home: Home) -> ec.EllipticCurvePublicKey:
    with _database(home) as engine, opened_signer(home, engine) as signer:
        return _elliptic(signer.public_key)


def _parse_head(text: str) -> Head:
    sequence, _, digest = text.partition(":")
    if not sequence.isdecimal() or not _DIGEST.fullmatch(digest):
        raise click.BadParameter("expected SEQUENCE:HASH, 64 hexadecimal digits", param_hint="--head")
    return Head(int(sequence), digest)


def _read_key(path: Path) -> ec.EllipticCurvePublicKey:
    try:
        return _elliptic(load_pem_public_key(_read(path, NOTE_LIMIT).encode()))
    except ValueError as error:
        raise click.BadParameter(f"{path.name} is no public key in PEM", param_hint="--key") from error


def _elliptic(public: object) -> ec.EllipticCurvePublicKey:
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise CheckpointError(None, "only ECDSA keys sign checkpoints")
    return public


def _read(path: Path, limit: int) -> str:
    """A text file of at most `limit` characters."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read(limit + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"can't read {path}: it is no text file") from error
    if len(text) > limit:
        raise click.ClickException(f"{path} is too long")
    return text
