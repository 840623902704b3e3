"""The stations that are connected to this process, and the jobs at their readers."""

import secrets
import threading
from collections.abc import Callable

from cardio.station.errors import ProtocolError
from cardio.station.wire import Accept, Open, Opened, Refused, Signed
from cardio.transport.base import CardConnection, ReaderUnavailableError
from issuance.errors import NotFoundError
from issuance.identifiers import new_identifier
from issuance.offices.models import FIRST_OFFICE
from issuance.production.connection import Job, Readers
from issuance.stations.connection import StationConnection
from issuance.stations.errors import HandoverError
from issuance.stations.failures import failure_at
from issuance.stations.line import Line

SEPARATOR = "/"
OPEN_SECONDS = 15.0
HANDOVER_SECONDS = 180.0
"""As long as somebody needs to think of a PIN."""


class Hub:
    """Lines by station. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._lock = threading.Lock()

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines that there are now."""
        with self._lock:
            return tuple(self._lines.values())

    def add(self, line: Line) -> bool:
        """Whether the station had no line; then this is it."""
        with self._lock:
            return self._lines.setdefault(line.station, line) is line

    def remove(self, line: Line) -> None:
        """The line has ended."""
        with self._lock:
            if self._lines.get(line.station) is line:
                del self._lines[line.station]

    def line(self, station: str) -> Line | None:
        """The station's line, if it is connected."""
        with self._lock:
            return self._lines.get(station)

    def names(self) -> list[str]:
        """All readers of all connected stations, as `station/reader`."""
        names = (f"{line.station}{SEPARATOR}{reader.name}" for line in self.lines for reader in line.readers)
        return sorted(names)

    def connect(self, name: str, job: Job) -> StationConnection:
        """Powers the card in a station's reader for one job.

        Raises ReaderUnavailableError, NoCardError, ReaderBusyError or WrongCardError.
        """
        station, _, reader = name.partition(SEPARATOR)
        line = self.line(station)
        if line is None or not reader:
            raise ReaderUnavailableError(name, "no connected station has such a reader")
        order = Open(
            job=new_identifier(secrets.token_bytes),
            reader=reader,
            operator=job.operator,
            card=job.card_number,
        )
        reply = line.open(order, OPEN_SECONDS)
        if isinstance(reply, Refused):
            raise failure_at(name, reply.failure, job.card_number)
        if not isinstance(reply, Opened):
            raise ProtocolError("a job that was not opened")
        return StationConnection(line, name, order.job, reply.atr)

    def hand_over(self, name: str, job: Job, transport_pin: str, challenge: bytes) -> bytes:
        """Has the holder of the job's card set a PIN at the station; the card's signature of the challenge.

        The new PIN never leaves the station. Raises HandoverError or a TransportError.
        """
        connection = self.connect(name, job)
        try:
            reply = connection.ask(
                lambda number: Accept(
                    job=connection.job, number=number, transport_pin=transport_pin, challenge=challenge
                ),
                HANDOVER_SECONDS,
            )
        finally:
            connection.close()
        if not isinstance(reply, Signed):
            failure = getattr(reply, "failure", None)
            raise HandoverError("the station gave no signature" if failure is None else failure.detail)
        return reply.signature


class AllReaders:
    """The readers of this machine beside those of the stations: what production chooses from."""

    def __init__(
        self,
        local: Readers,
        hub: Hub,
        office_of: Callable[[str], str | None],
        local_office: str = FIRST_OFFICE,
    ) -> None:
        """`office_of` tells in which office a station stands; this machine stands in `local_office`."""
        self._local = local
        self._hub = hub
        self._office_of = office_of
        self._local_office = local_office

    def names(self) -> list[str]:
        """Local names as they are, stations' as `station/reader`.

        Raises ReaderUnavailableError where there is neither PC/SC service nor station.
        """
        return [*self._local_names(), *self._hub.names()]

    def names_at(self, office: str) -> list[str]:
        """Those of `names` that stand in that office. Raises as `names`, in this machine's office."""
        local = self._local_names() if office == self._local_office else []
        stations = {line.station for line in self._hub.lines}
        there = {station for station in stations if self._office_of(station) == office}
        return [*local, *(name for name in self._hub.names() if name.partition(SEPARATOR)[0] in there)]

    def require_at(self, office: str, name: str) -> None:
        """Raises NotFoundError for a reader that doesn't stand there, as for one that nobody has."""
        station = name.partition(SEPARATOR)[0]
        found = self._office_of(station) if self._is_station(name) else self._local_office
        if found != office:
            raise NotFoundError("reader")

    def connect(self, name: str) -> CardConnection:
        """Powers the card in a local reader."""
        return self._local.connect(name)

    def connect_for(self, name: str, job: Job) -> CardConnection:
        """Powers the card in any of them for one job."""
        if self._is_station(name):
            return self._hub.connect(name, job)
        return self._local.connect(name)

    def _local_names(self) -> list[str]:
        try:
            return list(self._local.names())
        except ReaderUnavailableError:
            if not self._hub.lines:
                raise
            return []

    def _is_station(self, name: str) -> bool:
        """This machine's own names come first: no station can stand in for one."""
        if SEPARATOR not in name:
            return False
        try:
            return name not in self._local.names()
        except ReaderUnavailableError:
            return True
