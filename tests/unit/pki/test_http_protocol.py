"""Clients that take nothing of their answer are let go; those that read get all of it."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from starlette.types import Receive, Scope, Send

from pki import httpprotocol
from pki.httpprotocol import BoundedProtocol
from pki.workers import worker_server

PATIENCE = 60
CHUNK = bytes(40_000)
REQUEST = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"


class Body:
    """Answers with as many chunks as the path says, one by one."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        count = int(scope["path"][1:])
        length = str(count * len(CHUNK)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        for number in range(count):
            await send({"type": "http.response.body", "body": CHUNK, "more_body": number + 1 < count})
        self.ended.set()


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when a connection has ended."""
    event, plain = threading.Event(), BoundedProtocol.connection_lost

    def tell(self: BoundedProtocol, exc: Exception | None) -> None:
        plain(self, exc)
        event.set()

    monkeypatch.setattr(BoundedProtocol, "connection_lost", tell)
    return event


@contextlib.contextmanager
def served(body: Body) -> Iterator[int]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # so little waits in the kernel
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = worker_server(body, lifespan=False)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


def asking(port: int, chunks: int) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(PATIENCE)
    connection.connect(("127.0.0.1", port))
    connection.sendall(REQUEST % chunks)
    return connection


def test_one_that_never_reads_is_let_go(lost: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpprotocol, "WRITE_SECONDS", 0.2)
    body = Body()
    with served(body) as port, asking(port, 400):
        assert lost.wait(PATIENCE)
        assert body.ended.wait(PATIENCE)  # the worker's own work for it is over too


def test_one_that_never_takes_the_end_is_let_go(
    lost: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All was handed over, and waits: closing alone would wait with it."""
    monkeypatch.setattr(httpprotocol, "HEAD_SECONDS", 0.5)
    body = Body()
    with served(body) as port, asking(port, 1):
        assert body.ended.wait(PATIENCE)
        assert lost.wait(PATIENCE)


def test_one_that_reads_gets_all(lost: threading.Event) -> None:
    with served(Body()) as port, asking(port, 50) as connection:
        wanted, got = 50 * len(CHUNK), 0
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1)
        while got < wanted:
            got += len(connection.recv(65_536))
        assert got == wanted
        assert not lost.is_set()
