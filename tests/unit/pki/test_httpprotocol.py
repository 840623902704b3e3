"""Answers at once take their turn among the application's, and only for requests that are a head alone."""

import asyncio
from collections.abc import Callable

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from pki.httpprotocol import (
    MAX_HEAD_BYTES,
    AnswerBody,
    Headers,
    ReadyResponse,
    Respond,
    answering_at_once,
)

_READY = b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 5\r\n\r\nready"
_MADE = b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 4\r\n\r\nmade"
_POST = b"POST /soon HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
_SOON = ReadyResponse(200, b"content-length: 5\r\n", b"ready")
_GET = b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n"


class _Transport(asyncio.Transport):
    """A client that takes what it is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.closed = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += bytes(data)

    def close(self) -> None:
        self.closed.set()

    def is_closing(self) -> bool:
        return self.closed.is_set()

    def get_extra_info(self, name: str, default: object = None) -> object:  # noqa: ARG002
        return None

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class _Server:
    """One connection to an application that answers `made` when it is let."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.transport = _Transport()
        self.asked: list[bytes] = []
        self.waiting: list[tuple[bytes, Respond]] = []
        self.read: list[bytes] = []
        config = uvicorn.Config(
            self._app,
            interface="asgi3",
            ws="none",
            proxy_headers=False,
            log_level="critical",
            date_header=False,
        )
        state = ServerState()
        state.default_headers = [(b"date", b"now")]
        protocol = answering_at_once(self._at_once, self._soon)
        self.connection = protocol(config, state, {}, asyncio.get_running_loop())
        self.connection.connection_made(self.transport)

    def _at_once(self, target: bytes, headers: Headers) -> ReadyResponse | None:
        self.asked.append(target)
        if target != b"/ready":
            return None
        if (b"if-none-match", b"x") in headers:
            return ReadyResponse(304, b"", b"")
        return ReadyResponse(200, b"content-length: 5\r\n", b"ready")

    def _soon(self, target: bytes, headers: Headers) -> AnswerBody | None:  # noqa: ARG002
        return (lambda body, respond: self.waiting.append((body, respond))) if target == b"/soon" else None

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", scope["path"] == "/soon"
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.read.append(body)
        await self.may_answer.wait()
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"made"})

    async def until(self, sent: bytes) -> None:
        """Runs the loop until so many bytes came, or would have."""
        for _ in range(1000):
            if len(self.transport.sent) >= len(sent):
                break
            await asyncio.sleep(0)
        assert self.transport.sent == sent


def _run(scenario: Callable[[_Server], object]) -> None:
    async def run() -> None:
        server = _Server()
        result = scenario(server)
        if asyncio.iscoroutine(result):
            await result
        server.connection.connection_lost(None)

    asyncio.run(run())


def test_an_answer_at_once_needs_no_turn_of_the_loop() -> None:
    def scenario(server: _Server) -> None:
        server.connection.data_received(_GET)
        assert server.transport.sent == _READY

    _run(scenario)


def test_a_head_in_pieces_is_answered_when_it_is_whole() -> None:
    def scenario(server: _Server) -> None:
        for octet in _GET[:-1]:
            server.connection.data_received(bytes((octet,)))
        assert server.transport.sent == b""
        server.connection.data_received(_GET[-1:])
        assert server.transport.sent == _READY

    _run(scenario)


def test_several_in_one_packet_are_answered_in_their_order() -> None:
    async def scenario(server: _Server) -> None:
        server.may_answer.set()
        server.connection.data_received(_GET + _GET.replace(b"/ready", b"/other") + _GET)
        await server.until(_READY + _MADE + _MADE)

    _run(scenario)


def test_none_overtakes_an_answer_that_is_still_made() -> None:
    async def scenario(server: _Server) -> None:
        server.connection.data_received(b"POST /made HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        server.connection.data_received(_GET)
        assert server.transport.sent == b""
        server.may_answer.set()
        await server.until(_MADE + _MADE)
        server.connection.data_received(_GET)
        await server.until(_MADE + _MADE + _READY)

    _run(scenario)


def test_a_condition_is_seen() -> None:
    def scenario(server: _Server) -> None:
        server.connection.data_received(_GET.replace(b"\r\n\r\n", b"\r\nIf-None-Match: x\r\n\r\n"))
        assert server.transport.sent == b"HTTP/1.1 304 Not Modified\r\ndate: now\r\n\r\n"

    _run(scenario)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /ready HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"HEAD /ready HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /ready HTTP/1.0\r\n\r\n",
        b"GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /ready HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab",
        b"GET /ready HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /ready HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
    ],
)
def test_what_is_more_than_a_plain_get_is_the_application_s(request_bytes: bytes) -> None:
    async def scenario(server: _Server) -> None:
        server.may_answer.set()
        server.connection.data_received(request_bytes)
        for _ in range(20):
            await asyncio.sleep(0)
        assert server.asked == []
        assert server.transport.sent.startswith(b"HTTP/1.1 200 OK")
        assert b"ready" not in server.transport.sent

    _run(scenario)


def test_a_client_that_does_not_read_gets_no_more_at_once() -> None:
    async def scenario(server: _Server) -> None:
        server.connection.pause_writing()
        server.connection.data_received(_GET)
        assert server.transport.sent == b""
        assert server.asked == []
        server.connection.resume_writing()
        server.may_answer.set()
        await server.until(_MADE)

    _run(scenario)


def test_many_in_one_packet_take_the_way_that_waits_for_the_client() -> None:
    async def scenario(server: _Server) -> None:
        server.may_answer.set()
        server.connection.data_received(_GET * 30)
        await server.until(_READY * 16 + _MADE * 14)
        assert not server.transport.is_closing()

    _run(scenario)


def test_who_sends_without_end_is_answered_so_far_and_no_further() -> None:
    async def scenario(server: _Server) -> None:
        server.connection.data_received(_GET.replace(b"/ready", b"/made") * 10_000)
        assert len(server.asked) == 1  # no others while that one is made, and nothing kept of them
        server.connection.data_received(_GET * 10_000)
        server.may_answer.set()
        await server.until(_MADE * 16 + _MADE.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        assert server.transport.is_closing()

    _run(scenario)


def test_garbage_ends_the_connection() -> None:
    def scenario(server: _Server) -> None:
        server.connection.data_received(_GET + b"\x00garbage\r\n\r\n")
        assert server.transport.sent.startswith(_READY + b"HTTP/1.1 400 Bad Request")
        assert server.transport.is_closing()

    _run(scenario)


def test_garbage_is_not_the_answer_to_what_came_before_it() -> None:
    async def scenario(server: _Server) -> None:
        post = b"POST /made HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        server.connection.data_received(post + b"\x00garbage\r\n\r\n")
        server.connection.data_received(b"and more")
        assert server.transport.sent == b""
        server.may_answer.set()
        await server.until(_MADE.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        assert server.transport.is_closing()

    _run(scenario)


def test_a_body_that_came_with_its_head_is_answered_without_the_application() -> None:
    def scenario(server: _Server) -> None:
        for _ in range(3):
            server.connection.data_received(_POST)
            ((body, respond),) = server.waiting
            assert (body, server.read) == (b"body", [])
            server.waiting.clear()
            respond(_SOON)
        assert server.transport.sent == _READY * 3

    _run(scenario)


@pytest.mark.parametrize("cut", range(1, 5))
def test_a_body_in_pieces_is_the_application_s(cut: int) -> None:
    async def scenario(server: _Server) -> None:
        server.connection.data_received(_POST[:-cut])
        await asyncio.sleep(0)
        assert (server.waiting, server.transport.sent) == ([], b"")
        server.connection.data_received(_POST[-cut:])
        server.may_answer.set()
        await server.until(_MADE)
        assert server.read == [b"body"]
        server.connection.data_received(_POST)
        server.waiting[0][1](_SOON)
        assert server.transport.sent == _MADE + _READY

    _run(scenario)


def test_others_wait_behind_one_that_is_answered_soon() -> None:
    async def scenario(server: _Server) -> None:
        server.may_answer.set()
        server.connection.data_received(_POST + _GET + _POST)
        server.connection.data_received(_GET)
        for _ in range(20):
            await asyncio.sleep(0)
        assert server.transport.sent == b""
        ((_, respond),) = server.waiting
        respond(_SOON)
        await server.until(_READY + _MADE * 3)
        assert server.read == [b"", b"body", b""]

    _run(scenario)


def test_nobody_is_left_to_answer() -> None:
    def scenario(server: _Server) -> None:
        server.connection.data_received(_POST)
        server.connection.connection_lost(None)
        server.waiting[0][1](_SOON)
        assert server.transport.sent == b""

    _run(scenario)


def test_garbage_behind_one_that_is_answered_soon() -> None:
    def scenario(server: _Server) -> None:
        server.connection.data_received(_POST + b"\x00garbage\r\n\r\n")
        assert server.transport.sent == b""
        server.waiting[0][1](_SOON)
        assert server.transport.sent == _READY
        assert server.transport.is_closing()

    _run(scenario)


def test_a_server_that_ends_lets_it_finish() -> None:
    def scenario(server: _Server) -> None:
        server.connection.data_received(_POST)
        server.connection.shutdown()
        assert not server.transport.is_closing()
        server.waiting[0][1](_SOON)
        assert server.transport.sent == _READY
        assert server.transport.is_closing()

    _run(scenario)


@pytest.mark.parametrize(
    "head",
    [
        b"POST /soon HTTP/1.0\r\nContent-Length: 4\r\n\r\n",
        b"POST /soon HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\n",
        b"POST /soon HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
        b"POST /soon HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n",
        b"PUT /soon HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n",
    ],
)
def test_what_is_more_than_a_plain_post_is_the_application_s(head: bytes) -> None:
    async def scenario(server: _Server) -> None:
        server.may_answer.set()
        server.connection.data_received(head + b"body" + (b"\r\n0\r\n\r\n" if b"chunked" in head else b""))
        for _ in range(20):
            await asyncio.sleep(0)
        assert (server.waiting, server.read) == ([], [b"body"])
        assert server.transport.sent.endswith(b"made")

    _run(scenario)


def test_a_head_behind_an_answer_under_way_is_bounded_too() -> None:
    def scenario(server: _Server) -> None:
        server.connection.data_received(b"GET /made HTTP/1.1\r\nHost: x\r\n\r\n")
        server.connection.data_received(b"POST /soon HTTP/1.1\r\nHost: x\r\n")
        sent = 0
        while not server.transport.is_closing() and sent < 10 * MAX_HEAD_BYTES:
            server.connection.data_received(b"a: b\r\n" * 100)
            sent += 600
        assert server.transport.is_closing()
        assert sent <= MAX_HEAD_BYTES + 600

    _run(scenario)


def test_a_body_under_way_is_no_head() -> None:
    async def scenario(server: _Server) -> None:
        length = 4 * MAX_HEAD_BYTES
        server.connection.data_received(
            b"POST /soon HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length
        )
        for _ in range(4):
            server.connection.data_received(bytes(MAX_HEAD_BYTES))
        assert not server.transport.is_closing()
        server.may_answer.set()
        await server.until(_MADE)
        assert server.read == [bytes(length)]

    _run(scenario)


def test_no_idle_timer_runs_while_the_application_answers_the_next_of_a_packet() -> None:
    async def scenario(server: _Server) -> None:
        server.connection.data_received(_GET + _GET.replace(b"/ready", b"/other"))
        assert server.transport.sent == _READY
        assert server.connection.timeout_keep_alive_task is None
        server.may_answer.set()
        await server.until(_READY + _MADE)
        assert server.connection.timeout_keep_alive_task is not None

    _run(scenario)
