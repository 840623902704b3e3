"""After a restore from a backup, or of a kept checkpoint that is damaged: two officers answer for the log."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from pki.auditchain.canonical import Json
from pki.auditchain.checkpoints import Checkpointer, StoredCheckpoint
from pki.auditchain.errors import CheckpointError, ShorterLogError
from pki.auditchain.keeping import KeptNote, require_continued
from pki.auditchain.note import Checkpoint, CheckpointKey
from pki.auditchain.table import append, queue_writers, read_head
from pki.auditchain.tree import Record
from pki.auditchain.verification import Expectations, snapshot, verify_record
from pki.clock import Clock
from pki.officers import two_officers

RESTORED = "audit.restored"
_SUBJECT = "audit"
MAX_NOTE = 200


def accept_restored(
    engine: Engine,
    record: Record,
    kept: KeptNote,
    checkpointer: Checkpointer,
    officers: Sequence[str],
    note: str,
    clock: Clock,
) -> StoredCheckpoint:
    """Records what is lost, sets the kept checkpoint aside and signs the log as it is now.

    So, too, where what is kept can't be read, or isn't ours: what it said is lost. The log must hold by
    itself. Raises OfficerLabelError; CheckpointError where none is kept, or the kept one still holds: then
    there is nothing to accept; RecordError for a log that doesn't hold.
    """
    actor = f"officers:{'+'.join(sorted(two_officers(officers)))}"
    if not 0 < len(note) <= MAX_NOTE:
        raise CheckpointError(None, f"say why, in 1 to {MAX_NOTE} characters")
    key = checkpointer.key
    noted = _kept(kept, key)
    place = kept.place_aside(noted.size if isinstance(noted, Checkpoint) else None)
    with Session(snapshot(engine)) as session:
        verify_record(session, record, Expectations(keys=(key,)))
    with Session(engine) as session, session.begin():
        queue_writers(session, record.checkpoints)
        queue_writers(session, record.entries)
        lost = _what_is_lost(session, record, noted, key) if isinstance(noted, Checkpoint) else noted.details
        append(
            session,
            record.entries,
            time=clock(),
            actor=actor,
            action=RESTORED,
            subject=_SUBJECT,
            details={**lost, **_found(session, record), "set_aside": place.name, "note": note},
        )
    kept.set_aside(place)
    return checkpointer.make()


class _Damaged(NamedTuple):
    """In place of a kept checkpoint that says nothing any more."""

    details: Mapping[str, Json]


def _kept(kept: KeptNote, key: CheckpointKey) -> Checkpoint | _Damaged:
    try:
        noted = kept.read()
        if noted is not None:
            noted.verify([key])
            return noted
    except CheckpointError as error:
        return _Damaged({"damaged": error.why})
    raise CheckpointError(None, "none is kept in this home: there is nothing to accept")


def _found(session: Session, record: Record) -> dict[str, Json]:
    head = read_head(session, record.entries)
    return {"found_size": head.sequence, "found_hash": head.hash}


def _what_is_lost(session: Session, record: Record, noted: Checkpoint, key: CheckpointKey) -> dict[str, Json]:
    try:
        require_continued(session, record, noted, key)
    except (ShorterLogError, CheckpointError):
        return {"signed_size": noted.size, "signed_root": noted.root.hex()}
    raise CheckpointError(noted.size, "still holds: there is nothing to accept")
