"""Audit entries of the authority, written in the transaction of what they record."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from pki.auditchain import Event, append_many
from pki.errors import ClockSetBackError
from pki.store.bulk import table_of
from pki.store.columns import serial_octets
from pki.store.models import AuditEntry

CLOCK_TOLERANCE = timedelta(seconds=60)
"""By how much this process's clock may be behind the newest audit entry: several machines write it."""


CRL_PUBLISHED = "crl.published"
"""The action of an entry that tells of a CRL."""
SUSPENDED, REVOKED = "certificate.suspended", "certificate.revoked"
_WHATEVER_THE_TIME = (CRL_PUBLISHED, SUSPENDED, REVOKED)
_LOOKED_AT = 256
"""Entries, from the newest back, among which the time on record is sought."""


def record_events(session: Session, events: Iterable[Event]) -> None:
    """Appends the events, in order, to the caller's transaction."""
    append_many(session, AuditEntry, events)


def queue_writers(session: Session) -> None:
    """Lets one transaction at a time decide about serials and keys, so that its reads stay true.

    SQLite's writers queue at BEGIN IMMEDIATE already.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext("pki.authority"))))


def refuse_clock_set_back(session: Session, now: datetime) -> None:
    """Nothing is signed at a time before what is on record. Raises ClockSetBackError.

    CRLs are published, and certificates stopped, whatever the clock says. So their entries prove nothing: one
    made at a wrong time must not make that time right.
    """
    newest = session.scalar(_time_on_record())
    if newest is not None and now < newest - CLOCK_TOLERANCE:
        raise ClockSetBackError(now, newest)


@cache  # composing it costs ten times what running it does
def _time_on_record() -> Select[datetime | None]:
    entries = table_of(AuditEntry).c
    recent = select(entries.time, entries.action).order_by(entries.sequence.desc()).limit(_LOOKED_AT)
    newest = recent.subquery().c
    return select(func.max(newest.time)).where(newest.action.not_in(_WHATEVER_THE_TIME))


def serial_text(serial: int) -> str:
    """A serial as the audit names it: 32 hexadecimal digits."""
    return serial_octets(serial).hex()
