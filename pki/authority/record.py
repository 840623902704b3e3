"""Audit entries of the authority, written in the transaction of what they record."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from sqlalchemy import BigInteger, Select, func, select, type_coerce
from sqlalchemy.orm import Session

from pki.auditchain import Event, Json, append_many
from pki.auditchain.columns import from_microseconds
from pki.errors import ClockSetBackError
from pki.profiles.facts import Validity
from pki.store.bulk import table_of
from pki.store.columns import serial_octets
from pki.store.models import AuditEntry

CLOCK_TOLERANCE = timedelta(seconds=60)
"""By how much this process's clock may be behind the newest audit entry: several machines write it."""

SUSPENDED, REVOKED = "certificate.suspended", "certificate.revoked"
ACTIVATED, RESUMED = "certificate.activated", "certificate.resumed"
REGISTERED, CERTIFIED, RETIRED = "issuer.registered", "issuer.certified", "issuer.retired"
_WHATEVER_THE_TIME = (SUSPENDED, REVOKED)
_MASS_ACTIONS = "mass.%"
CLOCK_CONFIRMED = "clock.confirmed"
"""The action of an entry by which an officer says that times on record before it were wrong."""
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


class Recorded(NamedTuple):
    """What the record knows of time."""

    time: datetime | None
    """The newest, since an officer last confirmed the clock; None before the first entry."""
    confirmed: int
    """The sequence of that confirmation; 0: there is none among the newest entries."""


def recorded_time(session: Session) -> Recorded:
    """The time on record.

    Certificates are stopped, one or many at a time, whatever the clock says. So those entries prove nothing.
    """
    newest, confirmed = session.execute(_time_on_record()).one()
    return Recorded(None if newest is None else _moment(newest), confirmed)


def _moment(microseconds: object) -> datetime:
    """A time that nobody of ours can have written counts as the last there is: an officer must look at it."""
    if type(microseconds) is int:
        with suppress(OverflowError):
            return from_microseconds(microseconds)
    return datetime.max.replace(tzinfo=UTC)


def refuse_clock_set_back(session: Session, now: datetime) -> None:
    """Nothing is signed at a time before what is on record. Raises ClockSetBackError."""
    newest = recorded_time(session).time
    if newest is not None and now < newest - CLOCK_TOLERANCE:
        raise ClockSetBackError(now, newest)


@cache  # composing it costs ten times what running it does
def _time_on_record() -> Select[int | None, int]:
    row = table_of(AuditEntry).c
    counted = row.action.not_in(_WHATEVER_THE_TIME) & row.action.not_like(_MASS_ACTIONS)
    time = type_coerce(row.time, BigInteger).label("time")  # raw: SQLite keeps anything there
    entries = select(row.sequence, time, row.action).where(counted).order_by(row.sequence.desc())
    recent = entries.limit(_LOOKED_AT).cte().c
    confirmations = select(func.max(recent.sequence)).where(recent.action == CLOCK_CONFIRMED)
    confirmed = func.coalesce(confirmations.scalar_subquery(), 0)
    return select(func.max(recent.time), confirmed).where(recent.sequence >= confirmed)


def refuse_before(validity: Validity, now: datetime) -> None:
    """No CA signs before its certificate begins. Raises ClockSetBackError."""
    if now < validity.not_before:
        raise ClockSetBackError(now, validity.not_before)


def confirm_clock(session: Session, now: datetime, actor: str, note: str) -> None:
    """Records that `now` is right, and that what is on record from later is not.

    For a clock that was ahead and was put right: only a person can tell that from one that is behind.
    """
    newest = recorded_time(session).time
    details: dict[str, Json] = {
        "on_record": None if newest is None else newest.isoformat(timespec="seconds"),
        "note": note,
    }
    record_events(session, [Event(now, actor, CLOCK_CONFIRMED, "clock", details)])


def serial_text(serial: int) -> str:
    """A serial as the audit names it: 32 hexadecimal digits."""
    return serial_octets(serial).hex()
