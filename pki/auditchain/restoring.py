"""After a restore from a backup: two officers own up to a log that is not the one that was signed."""

from collections.abc import Sequence

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

    The log must hold by itself. Raises OfficerLabelError; CheckpointError where none is kept, or the kept one
    still holds: then there is nothing to accept; RecordError for a log that doesn't hold.
    """
    actor = f"officers:{'+'.join(sorted(two_officers(officers)))}"
    if not 0 < len(note) <= MAX_NOTE:
        raise CheckpointError(None, f"say why, in 1 to {MAX_NOTE} characters")
    noted, key = kept.read(), checkpointer.key
    if noted is None:
        raise CheckpointError(None, "none is kept in this home: there is nothing to accept")
    noted.verify([key])
    with Session(snapshot(engine)) as session:
        verify_record(session, record, Expectations(keys=(key,)))
    with Session(engine) as session, session.begin():
        queue_writers(session, record.checkpoints)
        queue_writers(session, record.entries)
        details = _what_is_lost(session, record, noted, key)
        append(
            session,
            record.entries,
            time=clock(),
            actor=actor,
            action=RESTORED,
            subject=_SUBJECT,
            details={**details, "note": note},
        )
    kept.set_aside(noted.size)
    return checkpointer.make()


def _what_is_lost(session: Session, record: Record, noted: Checkpoint, key: CheckpointKey) -> dict[str, Json]:
    head = read_head(session, record.entries)
    try:
        require_continued(session, record, noted, key)
    except (ShorterLogError, CheckpointError):
        return {
            "signed_size": noted.size,
            "signed_root": noted.root.hex(),
            "found_size": head.sequence,
            "found_hash": head.hash,
        }
    raise CheckpointError(noted.size, "still holds: there is nothing to accept")
