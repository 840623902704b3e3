"""Signed checkpoints of a record: made in one transaction each, kept, and read again."""

from collections.abc import Callable, Generator
from datetime import datetime
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import BigInteger, Engine, Row, Select, insert, select, type_coerce
from sqlalchemy.orm import Session

from pki.auditchain.columns import from_microseconds
from pki.auditchain.errors import CheckpointError, ShorterLogError
from pki.auditchain.keeping import KeptNote, require_continued
from pki.auditchain.note import Checkpoint, CheckpointKey, parse_checkpoint, sign_checkpoint
from pki.auditchain.table import queue_writers, read_head
from pki.auditchain.tree import Record, StoredTree, grow
from pki.clock import Clock
from pki.keys.signer import Signer
from pki.store.bulk import table_of
from pki.store.database import read_only

_STEP = 65_536
"""Entries that one transaction adds to the tree: on SQLite all other writers wait for it, below a second."""
_READ_BATCH = 1000


TimeCheck = Callable[[Session, datetime], None]
"""Raises where nothing may be signed at this time."""


class StoredCheckpoint(NamedTuple):
    """A checkpoint and when it was made."""

    time: datetime
    checkpoint: Checkpoint


class Checkpointer:
    """Makes the checkpoints of one record. A crash at any point is repaired by making the next one."""

    def __init__(
        self,
        engine: Engine,
        record: Record,
        origin: str,
        signer: Signer,
        clock: Clock,
        check_time: TimeCheck | None = None,
        kept: KeptNote | None = None,
    ) -> None:
        self._engine = engine
        self._record = record
        self._origin = origin
        self._signer = signer
        self._clock = clock
        self._check_time = check_time
        self._kept = kept
        """Where the newest checkpoint is kept beside the database; None: nowhere."""

    @property
    def key(self) -> CheckpointKey:
        """What its checkpoints are checked with."""
        return own_key(self._origin, self._signer)

    def make(self) -> StoredCheckpoint:
        """A checkpoint over all that is committed, or the newest one if nothing was added since.

        Raises RecordError rather than sign what does not continue from the newest checkpoint, of those in the
        database and the one that is kept beside it, and what `check_time` raises rather than sign at a wrong
        time. The kept one is replaced before the new one is handed out.
        """
        for _ in range(self._backlog() // _STEP):
            with Session(self._engine) as session, session.begin():
                queue_writers(session, self._record.checkpoints)
                stored = StoredTree(session, self._record).stored_size()
                grow(session, self._record, min(stored + _STEP, _size(session, self._record)))
        with Session(self._engine) as session, session.begin():
            return make_checkpoint(
                session,
                self._record,
                self._origin,
                self._signer,
                self._clock(),
                self._check_time,
                self._kept,
            )

    def _backlog(self) -> int:
        with Session(read_only(self._engine)) as session:
            return _size(session, self._record) - StoredTree(session, self._record).stored_size()


def make_checkpoint(
    session: Session,
    record: Record,
    origin: str,
    signer: Signer,
    time: datetime,
    check_time: TimeCheck | None = None,
    kept: KeptNote | None = None,
) -> StoredCheckpoint:
    """`Checkpointer.make` in the caller's transaction, whole, however much was added since the last one."""
    queue_writers(session, record.checkpoints)
    size, last, tree = _size(session, record), newest(session, record), StoredTree(session, record)
    noted = None if kept is None else kept.read()
    if last is not None:
        if size < last.checkpoint.size:
            raise ShorterLogError(size, last.checkpoint.size)
        last.checkpoint.require_root(tree.root(last.checkpoint.size))
    if noted is not None:
        require_continued(session, record, noted, own_key(origin, signer), size)
    made = last
    if made is None or made.checkpoint.size != size:
        if check_time is not None:
            check_time(session, time)
        made = _sign(session, record, origin, signer, time, size)
    if kept is not None and (noted is None or noted.size < size):
        kept.keep(made.checkpoint)  # before the commit: what it covers is committed already
    return made


def own_key(origin: str, signer: Signer) -> CheckpointKey:
    """The public half of what signs a log's checkpoints. Raises CheckpointError for an RSA key."""
    public = signer.public_key
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise CheckpointError(None, "only ECDSA keys sign checkpoints")
    return CheckpointKey(origin, public)


def _sign(
    session: Session, record: Record, origin: str, signer: Signer, time: datetime, size: int
) -> StoredCheckpoint:
    grow(session, record, size)
    made = sign_checkpoint(signer, origin, size, StoredTree(session, record).root(size))
    row = {"size": size, "time": time, "note": made.note}
    session.execute(insert(table_of(record.checkpoints)), [row])
    return StoredCheckpoint(time, made)


def newest(session: Session, record: Record) -> StoredCheckpoint | None:
    """The newest checkpoint; it covers the most entries. Raises CheckpointError if it can't be read."""
    table = record.checkpoints
    row = session.execute(_columns(record).order_by(table.size.desc()).limit(1)).first()
    return None if row is None else _read(row)


def at_size(session: Session, record: Record, size: int) -> StoredCheckpoint | None:
    """The checkpoint over exactly `size` entries, if there is one."""
    row = session.execute(_columns(record).where(record.checkpoints.size == size)).first()
    return None if row is None else _read(row)


def all_checkpoints(session: Session, record: Record) -> Generator[StoredCheckpoint]:
    """Every checkpoint, the smallest first, streamed. Raises CheckpointError for one that can't be read.

    Close it when stopping before its end: it holds a cursor.
    """
    query = _columns(record).order_by(record.checkpoints.size).execution_options(yield_per=_READ_BATCH)
    with session.execute(query) as rows:
        for row in rows:
            yield _read(row)


def _columns(record: Record) -> Select[int, int, str]:
    table = record.checkpoints
    return select(table.size, type_coerce(table.time, BigInteger), table.note)


def _read(row: Row[int, int, str]) -> StoredCheckpoint:
    size, time, note = row
    if not (type(size) is int and type(time) is int and type(note) is str):
        raise CheckpointError(size, "was changed: a column holds another type")
    try:
        found = StoredCheckpoint(from_microseconds(time), parse_checkpoint(note))
    except (CheckpointError, OverflowError) as error:
        raise CheckpointError(size, f"was changed: {error}") from error
    if found.checkpoint.size != size:
        raise CheckpointError(size, f"was changed: it holds one at size {found.checkpoint.size}")
    return found


def _size(session: Session, record: Record) -> int:
    return read_head(session, record.entries).sequence
