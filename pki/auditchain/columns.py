"""A chain kept in a table: a mixin for the model, and appending in the caller's transaction."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from sqlalchemy import JSON, BigInteger, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from pki.auditchain.chain import EMPTY, Head, Json, entry_hash, verify
from pki.store.database import UtcDateTime

_HASH_DIGITS = 64
_NAME_LIMIT = 128
_READ_BATCH = 1000


class AuditEntryColumns:
    """The columns of an audit table; give the model a `__tablename__` and nothing else."""

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    time: Mapped[datetime] = mapped_column(UtcDateTime())
    actor: Mapped[str] = mapped_column(String(_NAME_LIMIT))
    action: Mapped[str] = mapped_column(String(_NAME_LIMIT))
    subject: Mapped[str] = mapped_column(String(_NAME_LIMIT), index=True)
    details: Mapped[dict[str, Json]] = mapped_column(JSON)
    previous_hash: Mapped[str] = mapped_column(String(_HASH_DIGITS))
    hash: Mapped[str] = mapped_column(String(_HASH_DIGITS))


EntryT = TypeVar("EntryT", bound=AuditEntryColumns)


def append(
    session: Session,
    model: type[EntryT],
    *,
    time: datetime,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, Json] | None = None,
) -> EntryT:
    """Adds the next entry to the caller's open transaction; it becomes fact with the caller's commit.

    Raises TypeError when `details` holds what has no canonical text. Writers queue: on SQLite at
    BEGIN IMMEDIATE, on PostgreSQL at an advisory lock that ends with the transaction.
    """
    _queue_writers(session, model)
    head = _head(session, model)
    entry = model()
    entry.sequence, entry.previous_hash = head.sequence + 1, head.hash
    entry.time, entry.actor, entry.action, entry.subject = time, actor, action, subject
    entry.details = dict(details or {})
    entry.hash = entry_hash(
        sequence=entry.sequence,
        time=time,
        actor=actor,
        action=action,
        subject=subject,
        details=entry.details,
        previous_hash=entry.previous_hash,
    )
    session.add(entry)
    session.flush()
    return entry


def read(session: Session, model: type[EntryT]) -> Iterator[EntryT]:
    """All entries in the order of their sequence, fetched in batches."""
    query = select(model).order_by(model.sequence).execution_options(yield_per=_READ_BATCH)
    return iter(session.scalars(query))


def verify_table(session: Session, model: type[EntryT], expected: Head | None = None) -> Head:
    """`verify` over a whole table."""
    return verify(read(session, model), expected)


def _head(session: Session, model: type[AuditEntryColumns]) -> Head:
    newest = select(model.sequence, model.hash).order_by(model.sequence.desc()).limit(1)
    row = session.execute(newest).first()
    return Head(row.sequence, row.hash) if row else EMPTY


def _queue_writers(session: Session, model: type[AuditEntryColumns]) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(model.__name__))))
