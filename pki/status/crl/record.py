"""What the database knows of published CRLs: numbers given out, which CRL is current, which ones were."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, select, text
from sqlalchemy.orm import Session, sessionmaker

from pki.auditchain import Event, Json, append_many
from pki.status.crl.scope import CrlScope, CrlTarget
from pki.store.database import read_only
from pki.store.models import AuditEntry, CrlNumber, CrlRow, Issuer

# One statement, so that two processes can't read the same number; the same words on both databases.
_RESERVE = text(
    f"INSERT INTO {CrlNumber.__tablename__} (scope, number) VALUES (:scope, :least) "  # noqa: S608 - our own name
    "ON CONFLICT (scope) DO UPDATE SET number = "
    "CASE WHEN crl_numbers.number >= excluded.number THEN crl_numbers.number + 1 ELSE excluded.number END "
    "RETURNING number"
)


def reading_sessions(engine: Engine) -> sessionmaker[Session]:
    """Sessions that take no write lock; what they read stays readable when they end."""
    return sessionmaker(read_only(engine), expire_on_commit=False)


def reserve_number(session: Session, scope: CrlScope, now: datetime, published: int = 0) -> int:
    """The scope's next number: higher than every one before, and at least the time in seconds.

    :param published: the highest that is known from elsewhere: a database that comes back from an older copy
        has forgotten the newest. So every CRL's number is at least its time of issue.
    """
    values = {"scope": scope.name, "least": max(int(now.timestamp()), published + 1)}
    return int(session.execute(_RESERVE, values).scalar_one())


def status_version(connection: Connection, issuer: str) -> int:
    """The issuer's status version in the caller's snapshot."""
    return connection.execute(select(Issuer.status_version).where(Issuer.name == issuer)).scalar_one()


def newest(session: Session, name: str) -> CrlRow | None:
    """The published CRL with the highest number."""
    return session.scalar(_history(name).limit(1))


def history(session: Session, names: Sequence[str], limit: int) -> Iterator[CrlRow]:
    """The newest `limit` published CRLs of each name, newest first."""
    for name in names:
        yield from session.scalars(_history(name).limit(limit))


def last_regular(session: Session, name: str) -> CrlRow | None:
    """The newest that was on schedule."""
    return session.scalar(_history(name).where(CrlRow.regular).limit(1))


def recent(session: Session, name: str, since: datetime) -> int:
    """How many were published from `since` on."""
    query = select(func.count()).where(
        CrlRow.name == name, _numbered_since(since), CrlRow.this_update >= since
    )
    return session.scalar(query) or 0


def oldest_in_force(session: Session, name: str, now: datetime, life: timedelta) -> CrlRow | None:
    """The first of those that relying parties still take: a delta from it on serves all of them."""
    in_force = (CrlRow.this_update <= now) & (CrlRow.next_update > now)
    query = select(CrlRow).where(CrlRow.name == name, _numbered_since(now - life), in_force)
    return session.scalar(query.order_by(CrlRow.number).limit(1))


def is_recorded(session: Session, name: str, number: int) -> bool:
    """Whether this CRL was published."""
    return session.get(CrlRow, (name, number)) is not None


def record(session: Session, target: CrlTarget, row: CrlRow, actor: str, now: datetime) -> None:
    """Makes a CRL current, with its audit entry, in the caller's transaction."""
    session.add(row)
    session.flush()
    details: dict[str, Json] = {
        "number": row.number,
        "entries": row.entries,
        "bytes": row.size,
        "sha256": row.sha256.hex(),
    }
    if row.base is not None:
        details["base"] = row.base
    append_many(session, AuditEntry, [Event(now, actor, "crl.published", target.name, details)])


def _history(name: str) -> Select[CrlRow]:
    return select(CrlRow).where(CrlRow.name == name).order_by(CrlRow.number.desc())


def _numbered_since(moment: datetime) -> ColumnElement[bool]:
    """A range of the primary key that holds all issued since then: numbers are at least times of issue."""
    return CrlRow.number >= int(moment.timestamp())
