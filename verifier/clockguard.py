"""The clock by which logins are judged, held against what is on record: one that is behind decides nothing.

A clock that was set back would let in who has expired, prolong every challenge, and sign receipts of a time
that wasn't. So nothing at all is decided, and nothing recorded, until it is right: who is refused so gets no
receipt. A clock that is ahead can't be told from a time in which nobody logged in; it is reported.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from pki.auditchain import append
from pki.clock import Clock
from pki.errors import ClockSetBackError
from pki.officers import officer_label
from verifier.audit import AuditEntry
from verifier.store.sessions import Database

CLOCK_TOLERANCE = timedelta(seconds=60)
"""By how much a clock may be behind the newest decision on record: several machines write it."""
SILENCE = timedelta(days=7)
"""How long nothing may have been recorded, before it is more likely that the clock is ahead."""
LOOK_SECONDS = 1.0
CONFIRMED = "clock.confirmed"
_LOOKED_AT = 256
"""Entries, from the newest back, among which the time on record is sought."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_LOG = logging.getLogger(__name__)

Elsewhere = Callable[[], datetime]
"""The latest time that another record knows of. Raises SQLAlchemyError."""


class ClockNotBehindError(Exception):
    """There is nothing to confirm."""


def recorded_time(session: Session) -> tuple[int, datetime]:
    """When an officer last confirmed the clock (an entry's number; 0: never), and the newest time since."""
    recent = (
        select(AuditEntry.sequence, AuditEntry.time, AuditEntry.action)
        .order_by(AuditEntry.sequence.desc())
        .limit(_LOOKED_AT)
        .cte()
        .c
    )
    confirmed = select(func.max(recent.sequence)).where(recent.action == CONFIRMED).scalar_subquery()
    since = func.coalesce(confirmed, 0)
    newest = select(since, func.max(recent.time)).where(recent.sequence >= since)
    confirmation, time = session.execute(newest).one()
    return confirmation or 0, time or _EVER


class ClockGuard:
    """Any thread may ask; the records are read once a second at most."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        elsewhere: Sequence[Elsewhere] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`elsewhere`: the PKI's record, which goes on while nobody logs in."""
        self._database = database
        self._clock = clock
        self._elsewhere = elsewhere
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._looked: float | None = None
        self._known = self._own = _EVER
        self._confirmation = 0

    def check(self) -> None:
        """Raises ClockSetBackError; SQLAlchemyError where the verifier's own record can't be read."""
        now, known = self._clock(), self.known()
        if now < known - CLOCK_TOLERANCE:
            raise ClockSetBackError(now, known)

    def behind(self) -> timedelta:
        """By how much the clock is behind the records, if by too much. Raises SQLAlchemyError."""
        behind = self.known() - self._clock()
        return behind if behind > CLOCK_TOLERANCE else timedelta(0)

    def silence(self) -> timedelta:
        """How long the records have been silent, if for so long that the clock may be ahead. As `behind`."""
        known = self.known()
        silent = self._clock() - known
        return silent if known > _EVER and silent > SILENCE else timedelta(0)

    def known(self) -> datetime:
        """The latest time that has surely been. Raises SQLAlchemyError."""
        with self._lock:
            if self._looked is None or self._monotonic() - self._looked >= LOOK_SECONDS:
                looked = self._monotonic()
                self._known = self._look()
                self._looked = looked
            return self._known

    def _look(self) -> datetime:
        with self._database.read() as session:
            confirmation, newest = recorded_time(session)
        if confirmation == self._confirmation:
            newest = max(newest, self._own)  # only an officer takes back what was seen on record
        self._confirmation, self._own = confirmation, newest
        found = [newest]
        for other in self._elsewhere:
            try:
                found.append(other())
            except SQLAlchemyError as error:  # our own cards' status can't be read then, either
                _LOG.warning("the PKI's record of the time can't be read: %s", type(error).__name__)
        return max(found)


def confirm(database: Database, clock: Clock, officer: str) -> datetime:
    """Records that the clock is right and that later times on record are not; returns what was on record.

    Only a person can tell a clock that was ahead once from one that is behind now. Raises
    OfficerLabelError, ClockNotBehindError.
    """
    officer_label(officer)
    with database.write() as session:
        now, (_, newest) = clock(), recorded_time(session)
        if now >= newest - CLOCK_TOLERANCE:
            raise ClockNotBehindError
        details = {"on_record": newest.isoformat(timespec="seconds")}
        append(
            session,
            AuditEntry,
            time=now,
            actor=officer,
            action=CONFIRMED,
            subject="clock",
            details=details,
        )
    return newest
