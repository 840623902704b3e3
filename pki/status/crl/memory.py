"""What a publisher remembers of the database, so that partitions are not read again and again."""

import logging
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.orm import Session, sessionmaker

from pki.auditchain.chain import EMPTY
from pki.status.crl import policy, record
from pki.status.feed import head_of, knows
from pki.store.models import CrlRow

_LOG = logging.getLogger(__name__)


class Memory:
    """Bound to the audit chain: of a database that was brought back from a copy nothing is known."""

    def __init__(self, reading: sessionmaker[Session]) -> None:
        self._reading = reading
        self._head = EMPTY
        self._unchanged: dict[str, tuple[int, int]] = {}
        self._resting: dict[str, tuple[datetime, datetime]] = {}

    def check(self) -> None:
        """Forgets what was read from a database that is another one now."""
        with self._reading.begin() as session:
            self._check(session.connection())

    def rests(self, name: str, now: datetime) -> bool:
        """Whether it is known that this CRL's next edition is not due by the schedule."""
        begin, end = self._resting.get(name, (None, None))
        return begin is not None and end is not None and begin < now < end

    def rest(self, row: CrlRow) -> None:
        """This edition is the newest: its own times say when to look again."""
        with self._reading.begin() as session:
            newest = record.newest(session, row.name)
            if newest is not None and newest.number == row.number:
                self._resting[row.name] = policy.resting(row)
                self._head = head_of(session.connection())

    def unchanged_until(self, connection: Connection, row: CrlRow) -> int:
        """The status version up to which nothing has changed in this edition's scope."""
        if row.name in self._unchanged:
            self._check(connection)
        number, version = self._unchanged.get(row.name, (0, 0))
        return max(row.status_version, version if number == row.number else 0)

    def note_unchanged(self, connection: Connection, row: CrlRow, version: int) -> None:
        """Nothing changed up to this version, as this connection sees it."""
        self._unchanged[row.name] = (row.number, version)
        self._head = head_of(connection)

    def _check(self, connection: Connection) -> None:
        if not knows(connection, self._head):
            _LOG.warning("the database went back; every CRL is looked at anew")
            self._unchanged.clear()
            self._resting.clear()
            self._head = head_of(connection)
