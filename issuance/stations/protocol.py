"""The hub's side of the protocol with one station, without socket or thread: who may say what, and when."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from cardio.apdu import SW
from cardio.station.errors import ProtocolError
from cardio.station.wire import (
    MAX_READERS,
    Accept,
    Answered,
    Close,
    Hello,
    Open,
    Opened,
    Prove,
    Reader,
    ReadersChanged,
    Refused,
    Request,
    Send,
    Signed,
    StationMessage,
)

Reply: TypeAlias = Opened | Refused | Answered | Signed
MakeRequest: TypeAlias = Callable[[int], Request]
"""Makes a request of its number."""

_SUCCESS = SW.NO_FURTHER_QUALIFICATION.to_bytes(2, "big")


@dataclass
class _Job:
    pending: Open | Request | None
    number: int = 0
    """Of the last request."""


class HubProtocol:
    """Follows one connection. What breaks the protocol raises ProtocolError; then the connection is over."""

    def __init__(self) -> None:
        self.readers: tuple[Reader, ...] | None = None
        """None until the station has said hello."""
        self._jobs: dict[str, _Job] = {}
        self._closing: dict[str, _Job] = {}

    @property
    def jobs(self) -> frozenset[str]:
        """The jobs that are open, or being opened."""
        return frozenset(self._jobs)

    # What the hub says

    def open(self, order: Open) -> Open:
        """Begins a job."""
        if self.readers is None:
            raise ProtocolError("a job before the station has said hello")
        if order.job in self._jobs or order.job in self._closing:
            raise ProtocolError("a job that is open already")
        if len(self._jobs) + len(self._closing) >= MAX_READERS:
            raise ProtocolError("more jobs than readers")
        self._jobs[order.job] = _Job(pending=order)
        return order

    def ask(self, job: str, make: MakeRequest) -> Request:
        """The next request of a job."""
        state = self._jobs.get(job)
        if state is None or state.pending is not None:
            raise ProtocolError("a request of no open job, or before the one before it was answered")
        state.number += 1
        request = make(state.number)
        state.pending = request
        return request

    def close(self, job: str) -> Close | None:
        """Ends a job, also one whose answer is still on its way; None if it has ended."""
        state = self._jobs.pop(job, None)
        if state is None:
            return None
        if state.pending is not None:
            self._closing[job] = state
        return Close(job=job)

    # What the station says

    def receive(self, message: StationMessage) -> Reply | None:
        """The answer to a job's request, or None: what it told is kept here, or came too late for its job."""
        if isinstance(message, Hello):
            self._greet(message)
            return None
        if self.readers is None:
            raise ProtocolError("something before hello")
        if isinstance(message, ReadersChanged):
            self.readers = _distinct(message.readers)
            return None
        return self._reply(message)

    def _greet(self, hello: Hello) -> None:
        if self.readers is not None:
            raise ProtocolError("a second hello")
        self.readers = _distinct(hello.readers)

    def _reply(self, reply: Reply) -> Reply | None:
        closed = self._closing.pop(reply.job, None)
        state = closed or self._jobs.get(reply.job)
        if state is None:
            raise ProtocolError("an answer to nobody's question")
        if not isinstance(reply, Refused):
            _check(reply, state.pending)
        state.pending = None
        if closed is None and isinstance(reply, Refused):
            del self._jobs[reply.job]
        return reply if closed is None else None


def _distinct(readers: tuple[Reader, ...]) -> tuple[Reader, ...]:
    if len({reader.name for reader in readers}) != len(readers):
        raise ProtocolError("two readers of one name")
    return readers


def _check(reply: Opened | Answered | Signed, pending: Open | Request | None) -> None:
    """That it answers what was asked, and no more."""
    if pending is None:
        raise ProtocolError("an answer to no question")
    if isinstance(reply, Opened) or isinstance(pending, Open):
        _check_opened(reply, pending)
        return
    if reply.number != pending.number:
        raise ProtocolError("an answer to another question")
    if isinstance(reply, Signed):
        if not isinstance(pending, (Accept, Prove)):
            raise ProtocolError("a signature that nobody asked for")
    elif isinstance(pending, Send):
        _check_answers(reply, pending)
    elif reply.answers or (isinstance(pending, (Accept, Prove)) and reply.failure is None):
        raise ProtocolError("answers to no command")


def _check_opened(reply: Opened | Answered | Signed, pending: Open | Request) -> None:
    if not isinstance(reply, Opened) or not isinstance(pending, Open):
        raise ProtocolError("an answer to another question")
    if pending.card is not None and reply.card != pending.card:
        raise ProtocolError("another card than the job's")


def _check_answers(reply: Answered, pending: Send) -> None:
    if len(reply.answers) > len(pending.commands) or not (reply.answers or reply.failure):
        raise ProtocolError("answers to other commands")
    before_the_end = reply.answers if reply.failure is not None else reply.answers[:-1]
    if not all(answer.endswith(_SUCCESS) for answer in before_the_end):
        raise ProtocolError("answers after the first that isn't 9000")
