"""The station's side of the protocol, without socket, thread or card: what may come, and in which order."""

from cardio.station.errors import ProtocolError
from cardio.station.wire import MAX_READERS, Close, HubMessage, Open


class StationProtocol:
    """Follows one connection. Every method raises ProtocolError, after which the connection is over."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}
        self._busy: set[str] = set()

    @property
    def jobs(self) -> frozenset[str]:
        """The jobs that are open, or being opened."""
        return frozenset(self._next)

    def receive(self, message: HubMessage) -> None:
        """Checks that a message of the hub may come now, and takes note of it."""
        if isinstance(message, Open):
            self._open(message)
        elif isinstance(message, Close):
            self._forget(message.job)
        else:
            self._ask(message.job, message.number)

    def answered(self, job: str) -> None:
        """The job's request was answered: the next may come. Nothing where the job was closed meanwhile."""
        self._busy.discard(job)

    def refused(self, job: str) -> None:
        """The job could not be opened."""
        self._next.pop(job, None)
        self._busy.discard(job)

    def _open(self, message: Open) -> None:
        if message.job in self._next:
            raise ProtocolError("a job that is open already")
        if len(self._next) >= MAX_READERS:
            raise ProtocolError("more jobs than readers")
        self._next[message.job] = 1
        self._busy.add(message.job)

    def _ask(self, job: str, number: int) -> None:
        if job in self._busy:
            raise ProtocolError("a request before the one before it was answered")
        if self._next.get(job) != number:
            raise ProtocolError("a request of no open job, or out of its turn")
        self._next[job] = number + 1
        self._busy.add(job)

    def _forget(self, job: str) -> None:
        """A hub may close a job while the station refuses to open it: the two cross on the way."""
        self._next.pop(job, None)
        self._busy.discard(job)
