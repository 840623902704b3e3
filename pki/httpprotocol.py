"""uvicorn's HTTP with bounds on what it waits for: heads that don't end, connections without number.

Bodies have their own bound where they are read. nginx in front does the same earlier (client_header_timeout,
large_client_header_buffers, limit_conn); this server holds without it.
"""

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from pki.joinedwrites import JoinedWrites

HEAD_SECONDS = 10.0
"""From a connection's start, or the last answer's end, until the next request's head is there."""
MAX_HEAD_BYTES = 32_768
"""A head and the beginning of its body; a GET with the longest OCSP request has 17,000."""
MAX_CONNECTIONS = 1_000
"""Of one worker; more are closed unheard."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    _watch: asyncio.TimerHandle | None = None
    _release: Callable[[], None]
    _head_began = 0.0
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Closes what is beyond the bound; watches the others."""
        joined = JoinedWrites(transport)
        self._release = joined.release
        super().connection_made(joined)
        self._head_began = self.loop.time()
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        self._watch = self.loop.call_later(HEAD_SECONDS, self._check_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the watch."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts what comes before a head is complete."""
        if self._answering:
            super().data_received(data)
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self._answering:
            self.transport.close()

    def on_response_complete(self) -> None:
        """The next head may come."""
        self._release()
        self._head_began, self._head_bytes = self.loop.time(), 0
        super().on_response_complete()

    @property
    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.__dict__.get("cycle")  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _check_head(self) -> None:
        waited = self.loop.time() - self._head_began
        if not self._answering and waited >= HEAD_SECONDS:
            self.transport.close()
            return
        pause = HEAD_SECONDS if self._answering else HEAD_SECONDS - waited
        self._watch = self.loop.call_later(pause, self._check_head)
