"""A chain kept in a table: appending in the caller's transaction, reading and checking in a stream."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from typing import NamedTuple, TypeVar

from sqlalchemy import BigInteger, Dialect, LargeBinary, Row, Table, Text, select, type_coerce
from sqlalchemy.orm import Session

from pki.auditchain.canonical import Json
from pki.auditchain.chain import EMPTY, Event, Head, Linked, link, verify
from pki.auditchain.columns import AuditEntryColumns, from_microseconds, parse_details, to_microseconds
from pki.auditchain.errors import AuditChainError
from pki.store.bulk import insert_rows, table_of

_READ_BATCH = 1000
_LAST_SEQUENCE = (1 << 62) - 1
"""None is ever reached; the column ends at twice as much."""
_COLUMNS = ("sequence", "time", "actor", "action", "subject", "details", "previous_hash", "hash")
_TYPES = (int, int, str, str, str, str, bytes, bytes)


EntryT = TypeVar("EntryT", bound=AuditEntryColumns)


def append(
    session: Session,
    model: type[AuditEntryColumns],
    *,
    time: datetime,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, Json] | None = None,
) -> Head:
    """`append_many` for one event."""
    return append_many(session, model, [Event(time, actor, action, subject, details or {})])


def append_many(session: Session, model: type[AuditEntryColumns], events: Iterable[Event]) -> Head:
    """Adds events, in their order, to the caller's open transaction; returns the chain's new end.

    They become fact with the caller's commit. Raises what `link` raises, having written nothing.
    Writers queue: on SQLite at BEGIN IMMEDIATE, on PostgreSQL at a lock that ends with the transaction.
    """
    queue_writers(session, model)
    end = head = read_head(session, model)
    rows = []
    for entry in link(head, events):
        end = Head(entry.sequence, entry.hash)
        rows.append(_row(entry))
    insert_rows(session, model, _COLUMNS, rows)
    return end


def read(session: Session, model: type[EntryT]) -> Iterator[EntryT]:
    """All entries in the order of their sequence, fetched in batches."""
    query = select(model).order_by(model.sequence).execution_options(yield_per=_READ_BATCH)
    return iter(session.scalars(query))


class StoredEntry(NamedTuple):
    """A row as it was found, its types checked: an AuditEntry."""

    sequence: int
    time: datetime
    actor: str
    action: str
    subject: str
    details: Mapping[str, Json]
    previous_hash: str
    hash: str


def stored(
    session: Session, model: type[AuditEntryColumns], first: int | None = None, last: int | None = None
) -> Generator[StoredEntry]:
    """The rows, or those from `first` to `last`, streamed in order, with no trust in what they hold.

    Close it when stopping before its end: it holds a cursor.

    Raises AuditChainError for a row that no writer of this module can have written.
    """
    columns = (
        model.sequence,
        type_coerce(model.time, BigInteger).label("time"),
        model.actor,
        model.action,
        model.subject,
        type_coerce(model.details, Text).label("details"),
        type_coerce(model.previous_hash, LargeBinary).label("previous_hash"),
        type_coerce(model.hash, LargeBinary).label("hash"),
    )
    query = select(*columns).order_by(model.sequence)
    if first is not None:
        query = query.where(model.sequence >= first)
    if last is not None:
        query = query.where(model.sequence <= last)
    with session.execute(query.execution_options(yield_per=_READ_BATCH)) as rows:
        for row in rows:
            yield _checked(row)


def verify_table(session: Session, model: type[AuditEntryColumns], expected: Head | None = None) -> Head:
    """`verify` over a whole table, in flat memory."""
    with closing(stored(session, model)) as entries:
        return verify(entries, expected)


def read_head(session: Session, model: type[AuditEntryColumns]) -> Head:
    """The chain's end as the transaction sees it."""
    connection = session.connection()
    row = connection.exec_driver_sql(_newest(table_of(model), connection.dialect)).first()
    if row is None:
        return EMPTY
    if type(row.sequence) is not int or type(row.hash) is not bytes:
        raise AuditChainError(row.sequence, "was changed: a column holds another type")
    if row.sequence > _LAST_SEQUENCE:
        raise AuditChainError(row.sequence, "was not written by this log: no entry fits behind it")
    return Head(row.sequence, row.hash.hex())


def queue_writers(session: Session, model: type[object]) -> None:
    """Waits until no other transaction adds to this table; the turn ends with the caller's transaction."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_TURN, (table_of(model).name,))


def _row(entry: Linked) -> tuple[int, int, str, str, str, str, bytes, bytes]:
    time, actor, action, subject, _ = entry.event
    hashes = bytes.fromhex(entry.previous_hash), bytes.fromhex(entry.hash)
    names = _plain(actor), _plain(action), _plain(subject)
    return (entry.sequence, to_microseconds(time), *names, entry.details, *hashes)


def _checked(row: Row[int, int, str, str, str, str, bytes, bytes]) -> StoredEntry:
    sequence, time, actor, action, subject, details, previous_hash, digest = row
    if tuple(type(value) for value in row) != _TYPES:
        raise AuditChainError(sequence, "was changed: a column holds another type")
    try:
        parsed = parse_details(details)
        moment = from_microseconds(time)
    except (ValueError, OverflowError, RecursionError) as error:
        raise AuditChainError(sequence, "was changed: it can't be read") from error
    return StoredEntry(sequence, moment, actor, action, subject, parsed, previous_hash.hex(), digest.hex())


def _newest(table: Table, dialect: Dialect) -> str:
    """The end's sequence and hash. Each append asks for them: composing a select costs five times as much."""
    name = dialect.identifier_preparer.format_table(table)
    return f"SELECT sequence, hash FROM {name} ORDER BY sequence DESC LIMIT 1"  # noqa: S608 - our own name


_TURN = "SELECT pg_advisory_xact_lock(hashtext(%s))"
_plain = str.__str__
"""Drivers write an enumeration's member by ideas of their own; the hash is over its text."""
