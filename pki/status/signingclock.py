"""The clock by which answers are signed: it stops telling the time when that can't be right."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker

from pki.authority.record import CLOCK_TOLERANCE, recorded_time
from pki.clock import Clock, utc_now
from pki.errors import ClockSetBackError
from pki.store.database import read_only

LOOK_SECONDS = 1.0
"""How often the time on record is read: no request waits for it more often."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)

Monotonic = Callable[[], float]
"""Seconds of a clock that nobody sets."""


class SigningClock:
    """A `Clock` that raises ClockSetBackError at a time before what is on record, or was signed here.

    Answers leave no record, so what this process signed counts too, until an officer confirms the clock.
    Any thread may ask; raises SQLAlchemyError when the record can't be read.
    """

    def __init__(self, engine: Engine, clock: Clock = utc_now, monotonic: Monotonic = time.monotonic) -> None:
        self._sessions = sessionmaker(read_only(engine))
        self._clock = clock
        self._monotonic = monotonic
        self._looked: float | None = None
        self._recorded = _EVER
        self._signed = _EVER
        self._confirmed = 0

    def __call__(self) -> datetime:
        """Now; something is signed at this time."""
        now = self.checked()
        self._signed = max(self._signed, now)
        return now

    def checked(self) -> datetime:
        """Now, if something might be signed now."""
        if self._looked is None or self._monotonic() - self._looked >= LOOK_SECONDS:
            self.look()
        now, known = self._clock(), self.known
        if now < known - CLOCK_TOLERANCE:
            raise ClockSetBackError(now, known)
        return now

    @property
    def known(self) -> datetime:
        """The latest time that has surely been."""
        return max(self._recorded, self._signed)

    def look(self) -> None:
        """Reads the time on record."""
        looked = self._monotonic()
        with self._sessions.begin() as session:
            recorded = recorded_time(session)
        if recorded.confirmed > self._confirmed:
            self._signed, self._confirmed = _EVER, recorded.confirmed
        self._recorded, self._looked = recorded.time or _EVER, looked
