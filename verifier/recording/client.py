"""A worker's way to the recorder."""

import asyncio
import os
import socket
from typing import Any

from verifier.logins.records import RecorderAwayError
from verifier.recording.frames import FrameError, Frames, Told, frame, user_of
from verifier.recording.lane import MAXIMUM_BATCH, MAXIMUM_WAITING, LaneFullError

PATIENCE_SECONDS = 10.0
"""A database that is waited for takes less; a recorder that is silent for longer hangs."""
_WATCH_SECONDS = 1.0
_Waiting = list[tuple[Any, "asyncio.Future[Any]"]]


class RecorderClient:
    """Sends what came within one turn of the event loop together; results come back in any order."""

    def __init__(self, address: str, secret: bytes) -> None:
        """`address` of a recorder's listener, and the secret to show there.

        It is called when the first work comes.
        """
        self._address = address
        self._secret = secret
        self._waiting: _Waiting = []
        self._sent: dict[int, tuple[float, _Waiting]] = {}
        self._line: asyncio.BaseProtocol | None = None
        self._number = 0
        self._count = 0
        self._flushing = False
        self._connection: asyncio.WriteTransport | None = None
        self._opening: asyncio.Task[None] | None = None

    async def submit(self, work: Any) -> Any:  # noqa: ANN401 - whatever the recorder's function takes and gives
        """The work's result; raises the error that is its result, LaneFullError or RecorderAwayError.

        After RecorderAwayError it may have been done.
        """
        if self._count >= MAXIMUM_WAITING:
            raise LaneFullError
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((work, future))
        self._count += 1
        if not self._flushing:
            self._flushing = True
            loop.call_soon(self._flush, loop)  # with whoever else is read in this turn of the loop
        try:
            return await future
        finally:
            self._count -= 1

    def close(self) -> None:
        """Goes; what still waits fails."""
        if self._connection is not None:
            self._connection.close()

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        self._flushing = False
        if self._connection is None or self._connection.is_closing():
            if self._opening is None:
                self._opening = loop.create_task(self._open(loop))
            return
        # Those whose client went away before their turn are left out: nothing was promised to them.
        waiting = [entry for entry in self._waiting if not entry[1].done()]
        self._waiting = []
        for start in range(0, len(waiting), MAXIMUM_BATCH):
            batch = waiting[start : start + MAXIMUM_BATCH]
            self._number += 1
            self._sent[self._number] = (loop.time(), batch)
            self._connection.write(frame(self._number, [work for work, _ in batch]))

    async def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        """The listener is there as long as the service is: it takes calls while a recorder begins anew."""
        try:
            connection = _call(self._address)
            self._connection, line = await loop.create_unix_connection(lambda: _Line(self), sock=connection)
            self._line = line
            self._connection.write(self._secret)
        except OSError:
            waiting, self._waiting = self._waiting, []
            _fail(waiting)
            return
        finally:
            self._opening = None
        self._flush(loop)
        self._watch(loop)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Leaves a recorder that is silent for too long; what it is still told, it finds nobody to answer."""
        if self._connection is None:
            return
        oldest = min((sent_at for sent_at, _ in self._sent.values()), default=loop.time())
        if loop.time() - oldest > PATIENCE_SECONDS:
            self._connection.abort()
            self.lost(self._line)
            return
        loop.call_later(_WATCH_SECONDS, self._watch, loop)

    def received(self, number: int, results: list[Any]) -> None:
        """Results of one batch."""
        _, batch = self._sent.pop(number, (0.0, []))
        for (_, future), result in zip(batch, results, strict=False):
            if future.done():
                continue
            if isinstance(result, Told):
                future.set_exception(result.error())
            else:
                future.set_result(result)

    def lost(self, line: asyncio.BaseProtocol | None) -> None:
        """The recorder at the other end of the line is gone; another one takes the next call."""
        if line is not self._line:
            return  # it was left before
        self._connection = self._line = None
        sent, self._sent = self._sent, {}
        for _, batch in sent.values():
            _fail(batch)


def _fail(waiting: _Waiting) -> None:
    for _, future in waiting:
        if not future.done():
            future.set_exception(RecorderAwayError())


class _Line(asyncio.Protocol):
    """The connection's ears."""

    def __init__(self, client: RecorderClient) -> None:
        self._client = client
        self._frames = Frames()
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            for number, results in self._frames.feed(data):
                self._client.received(number, results)
        except FrameError:
            if self._transport is not None:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever the cause
        self._client.lost(self)


def _call(address: str) -> socket.socket:
    """A connection to the recorder. Raises OSError."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(0.0)
        connection.connect(address)
        if user_of(connection) != os.getuid():
            raise PermissionError
    except OSError:
        connection.close()
        raise
    return connection
