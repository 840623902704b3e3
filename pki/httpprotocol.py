"""uvicorn's HTTP, bounded and shortened.

Bounded is what it waits for: heads that don't end, readers that don't read, connections without number.
Shortened is the way of answers that are there already.

Bodies have their own bound where they are read. nginx in front does the same earlier (client_header_timeout,
large_client_header_buffers, send_timeout, limit_conn); this server holds without it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from pki.joinedwrites import JoinedWrites

HEAD_SECONDS = 10.0
"""From a connection's start, or the last answer's end, until the next request's head is there."""
MAX_HEAD_BYTES = 32_768
"""A head and the beginning of its body; a GET with the longest OCSP request has 17,000."""
WRITE_SECONDS = 20.0
"""A client that takes less than 48 kB in this time, while more waits for it, is let go."""
MAX_CONNECTIONS = 1_000
"""Of one worker; more are closed unheard."""

MAX_PIPELINED = 16
"""Requests of one connection that wait behind another; who sends more is answered so far, and no further."""
_READY_IN_A_ROW = 16
"""Answers at once to one reading of the socket: a client that sends and doesn't read fills no memory."""
_WITH_MORE = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})
"""Headers of requests that are more than a head."""
_NOT_PLAIN = _WITH_MORE - {b"content-length"}
"""Headers of requests that are more than a head and a body of a told length."""

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
"""Names in lower case, and values."""


class ReadyResponse(NamedTuple):
    """A whole response; `date` is added."""

    status: int
    head: bytes
    """Header lines, each with its end: see `head_of`."""
    body: bytes


def head_of(headers: Headers) -> bytes:
    """Headers as the lines of a head."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)


AnswerAtOnce: TypeAlias = Callable[[bytes, Headers], ReadyResponse | None]
"""The response to a GET, by its target and headers; None: the application answers. It must not wait."""


Respond: TypeAlias = Callable[[ReadyResponse], None]
AnswerBody: TypeAlias = Callable[[bytes, Respond], None]
"""Takes a whole request body and answers it later, once, in this event loop."""
AnswerSoon: TypeAlias = Callable[[bytes, Headers], AnswerBody | None]
"""Who answers a POST, by its target and headers; None: the application. It must not wait."""


class _Pending:
    """Stands where uvicorn keeps the present request and its application, while one is answered without."""

    keep_alive = True
    disconnected = False
    response_complete = False
    more_body = False

    def __init__(self) -> None:
        self.message_event = _Unheard()


class _Unheard:
    """An event for which nobody waits."""

    def set(self) -> None:
        pass


class _TooManyError(Exception):
    """More requests than a connection may have waiting."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    at_once: AnswerAtOnce | None = None
    """Asked first about GETs in HTTP/1.1: what it answers costs no task and no ASGI messages."""
    soon: AnswerSoon | None = None
    """Asked first about POSTs in HTTP/1.1 whose bodies come with their heads: no task, no ASGI messages."""
    _ready: ReadyResponse | None = None
    _taker: AnswerBody | None = None
    _body: list[bytes]
    _ready_left = 0
    _default_headers: Headers = ()
    _default_head = b""
    _watch: asyncio.TimerHandle | None = None
    _write_watch: asyncio.TimerHandle | None = None
    _release: Callable[[], None]
    _head_began = 0.0
    _head_bytes = 0
    _in_head = True

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
        """Ends the watches."""
        if self._watch is not None:
            self._watch.cancel()
        self._end_write_watch()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client has to take something now."""
        self._end_write_watch()
        self._write_watch = self.loop.call_later(WRITE_SECONDS, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """It did."""
        self._end_write_watch()
        super().resume_writing()

    def _end_write_watch(self) -> None:
        if self._write_watch is not None:
            self._write_watch.cancel()
            self._write_watch = None

    def data_received(self, data: bytes) -> None:
        """Counts what comes of a head before it is complete, behind an answer under way too."""
        self._ready_left = _READY_IN_A_ROW
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._taker is not None:
            self._leave_to_application()
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Looks for an answer that is there already."""
        self._in_head, self._head_bytes = False, 0
        # An answer given within the same reading has set it; uvicorn looks only when more is read.
        self._unset_keepalive_if_required()
        self._ready = self._find_ready()
        if self._ready is not None:
            return
        self._taker = self._find_taker()
        if self._taker is not None:
            self._body = []
            return
        if len(self.pipeline) >= MAX_PIPELINED:
            raise _TooManyError  # the parser stops here, in the middle of what was read
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Gathers what came with the head."""
        if self._taker is None:
            super().on_body(body)
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Sends it, or hands a whole body on."""
        self._in_head = True
        ready, self._ready = self._ready, None
        taker, self._taker = self._taker, None
        if ready is not None:
            self._send(ready)
        elif taker is not None:
            self._wait_for(taker)
        else:
            super().on_message_complete()

    def _wait_for(self, taker: AnswerBody) -> None:
        """Until the answer is there the request counts as the application's: others wait behind it."""
        pending = _Pending()
        self.cycle = pending  # type: ignore[assignment]

        def respond(response: ReadyResponse) -> None:
            pending.response_complete = True
            if pending.disconnected or self.transport.is_closing():
                return
            self._send(response)
            if not pending.keep_alive:
                self.transport.close()

        taker(b"".join(self._body), respond)

    def _leave_to_application(self) -> None:
        """A body that is still to come is read with the application's patience."""
        self._taker = None
        super().on_headers_complete()
        for part in self._body:
            super().on_body(part)

    def _send(self, ready: ReadyResponse) -> None:
        default = self.server_state.default_headers  # another list each second
        if default is not self._default_headers:
            self._default_headers, self._default_head = default, head_of(default)
        parts = (STATUS_LINE[ready.status], self._default_head, ready.head, b"\r\n", ready.body)
        self.transport.write(b"".join(parts))
        self.on_response_complete()

    def _find_taker(self) -> AnswerBody | None:
        """Only for a head with a body of a told length."""
        if self.soon is None or not self._may_shorten(b"POST", _NOT_PLAIN):
            return None
        return self.soon(self.url, self.headers)

    def _find_ready(self) -> ReadyResponse | None:
        """Only for requests that are a head and nothing more."""
        if self.at_once is None or not self._may_shorten(b"GET", _WITH_MORE):
            return None
        return self.at_once(self.url, self.headers)

    def _may_shorten(self, method: bytes, odd: frozenset[bytes]) -> bool:
        """Whether it is such a request without odd headers, in its turn, from a client that reads."""
        if self._answering or self.pipeline or self.flow.write_paused or not self._ready_left:
            return False
        parser = self.parser
        if parser.get_method() != method or parser.get_http_version() != "1.1":
            return False
        if not parser.should_keep_alive() or not odd.isdisjoint([name for name, _ in self.headers]):
            return False
        self._ready_left -= 1
        return True

    def send_400_response(self, msg: str) -> None:
        """Refuses what can't be read; but first what came before it is answered, and not by this refusal."""
        if self._answering:
            self.cycle.keep_alive = False
        else:
            super().send_400_response(msg)

    def on_response_complete(self) -> None:
        """The next head may come."""
        self._release()
        self._head_began = self.loop.time()
        super().on_response_complete()

    @property
    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.__dict__.get("cycle")  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _check_head(self) -> None:
        waited = self.loop.time() - self._head_began
        if not self._answering and waited >= HEAD_SECONDS:
            if self.transport.get_write_buffer_size():
                self.transport.abort()  # the end of the last answer is not taken; closing would wait for it
            else:
                self.transport.close()
            return
        pause = HEAD_SECONDS if self._answering else HEAD_SECONDS - waited
        self._watch = self.loop.call_later(pause, self._check_head)


def answering_at_once(at_once: AnswerAtOnce, soon: AnswerSoon | None = None) -> type[BoundedProtocol]:
    """The protocol of a server whose application has such answers."""
    ways = {"at_once": staticmethod(at_once), "soon": None if soon is None else staticmethod(soon)}
    return type("AnsweringAtOnce", (BoundedProtocol,), ways)
