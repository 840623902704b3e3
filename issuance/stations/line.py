"""The line to one connected station: messages out and in, for callers on any thread."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from cardio.station import wire
from cardio.station.errors import ProtocolError, WireError
from cardio.station.wire import Close, Hello, Open, Reader, Request
from cardio.transport.base import ReaderBusyError, ReaderUnavailableError
from issuance.stations.admission import StationCertificate
from issuance.stations.protocol import HubProtocol, MakeRequest, Reply

_LOG = logging.getLogger(__name__)
_HELLO_SECONDS = 10.0
_GOING_AWAY, _POLICY_VIOLATION = 1001, 1008  # RFC 6455 §7.4.1


class Line:
    """One station's connection. Its loop's thread runs `serve`; every other method may be called anywhere."""

    def __init__(self, certificate: StationCertificate, socket: ServerConnection) -> None:
        self.certificate = certificate
        self.station = certificate.station
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._protocol = HubProtocol()
        self._pending: dict[str, Future[Reply]] = {}
        self._used: dict[str, str] = {}  # job → reader
        self._outgoing: asyncio.Queue[Open | Request | Close] = asyncio.Queue()
        self._over = False
        self.round_trips = 0
        """Questions asked so far."""

    @property
    def readers(self) -> tuple[Reader, ...]:
        """The station's readers as it last told of them."""
        return self._protocol.readers or ()

    # In the loop

    async def serve(self) -> None:
        """Until the connection ends; then every question that waits has failed."""
        sender = asyncio.create_task(self._send())
        try:
            await self._greet()
            async for frame in self._socket:
                self._receive(frame)
        except (WireError, ProtocolError) as error:
            _LOG.warning("station %s broke the protocol: %s", self.station, error)
            await self._socket.close(_POLICY_VIOLATION)
        except (ConnectionClosed, TimeoutError):
            pass  # how it ended changes nothing
        finally:
            self._end()
            sender.cancel()
            await self._socket.close(_GOING_AWAY)

    async def alive(self, within_s: float) -> bool:
        """Whether the other end answers a ping (RFC 6455 §5.5.2)."""
        with suppress(TimeoutError, ConnectionClosed):
            await asyncio.wait_for(await self._socket.ping(), within_s)
            return True
        return False

    def abort(self) -> None:
        """Drops the connection without a word."""
        self._end()
        self._socket.transport.abort()

    async def _greet(self) -> None:
        message = wire.decode_from_station(await asyncio.wait_for(self._socket.recv(), _HELLO_SECONDS))
        if not isinstance(message, Hello):
            raise ProtocolError("something before hello")
        self._protocol.receive(message)

    def _receive(self, frame: str | bytes) -> None:
        reply = self._protocol.receive(wire.decode_from_station(frame))
        if reply is None:
            return
        if isinstance(reply, wire.Refused):
            self._used.pop(reply.job, None)
        waiting = self._pending.pop(reply.job, None)
        if waiting is not None:
            waiting.set_result(reply)

    async def _send(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                await self._socket.send(wire.encode(await self._outgoing.get()))

    def _end(self) -> None:
        self._over = True
        pending, self._pending = self._pending, {}
        for waiting in pending.values():
            waiting.set_exception(self._gone())

    def _gone(self) -> ReaderUnavailableError:
        return ReaderUnavailableError(self.station, "the station is not connected any more")

    # From any thread

    def open(self, order: Open, within_s: float) -> Reply:
        """Begins a job. Raises ReaderBusyError, ReaderUnavailableError."""
        return self._await(order.job, lambda: self._begin(order), within_s)

    def ask(self, job: str, make: MakeRequest, within_s: float) -> Reply:
        """Asks a job. Raises ReaderUnavailableError: gone, or no answer in time; then the job is over."""
        return self._await(job, lambda: self._protocol.ask(job, make), within_s)

    def close(self, job: str) -> None:
        """Ends a job. Nothing is waited for."""
        with suppress(RuntimeError):  # the loop has ended, and every job with it
            self._loop.call_soon_threadsafe(self._close, job)

    def _await(self, job: str, begin: Callable[[], Open | Request], within_s: float) -> Reply:
        answer: Future[Reply] = Future()
        try:
            self._loop.call_soon_threadsafe(self._start, job, begin, answer)
        except RuntimeError:
            raise self._gone() from None
        try:
            return answer.result(within_s)
        except TimeoutError:
            self.close(job)
            raise ReaderUnavailableError(self.station, "the station did not answer in time") from None

    def _start(self, job: str, begin: Callable[[], Open | Request], answer: "Future[Reply]") -> None:
        """In the loop."""
        if self._over:
            answer.set_exception(self._gone())
            return
        try:
            message = begin()
        except (ProtocolError, ReaderBusyError) as error:
            ended = ReaderUnavailableError(self.station, "the job has ended")
            answer.set_exception(ended if isinstance(error, ProtocolError) else error)
            return
        self._pending[job] = answer
        self.round_trips += 1
        self._outgoing.put_nowait(message)

    def _begin(self, order: Open) -> Open:
        if order.reader in self._used.values():
            raise ReaderBusyError(f"{self.station}/{order.reader}", "another job has the card")
        self._protocol.open(order)
        self._used[order.job] = order.reader
        return order

    def _close(self, job: str) -> None:
        self._used.pop(job, None)
        self._pending.pop(job, None)
        message = self._protocol.close(job)
        if message is not None and not self._over:
            self._outgoing.put_nowait(message)
