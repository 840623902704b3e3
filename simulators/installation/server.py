"""All services on one port."""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

import issuance.app
import issuance.housekeeping
import pki.app
import pki.housekeeping
import verifier.app
from pki.app import not_allowed, not_found
from pki.workers import worker_server
from simulators.installation.services import Installation

_BACKLOG = 2048
_START_SECONDS = 30


class PortTakenError(Exception):
    """Another program listens there."""

    def __init__(self, host: str, port: int, detail: str) -> None:
        super().__init__(f"can't listen on {host}:{port}: {detail}")
        self.host = host
        self.port = port


class ServerStartError(Exception):
    """The server ended before it answered."""


def create_app(installation: Installation) -> Starlette:
    """One ASGI application with the three services at their published paths."""

    async def home(_request: Request) -> Response:
        return RedirectResponse("/issuance/")

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        with (
            pki.housekeeping.housekeeping(installation.pki),
            issuance.housekeeping.housekeeping(installation.issuance),
        ):
            yield

    return Starlette(
        lifespan=lifespan,
        exception_handlers={404: not_found, 405: not_allowed},
        routes=[
            Route("/", home),
            Route("/healthz", health),
            Mount("/issuance", issuance.app.create_app(installation.issuance)),
            Mount("/verifier", verifier.app.create_app(installation.verifier)),
            Mount("/pki", pki.app.create_app(installation.pki)),
        ],
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises PortTakenError."""
    try:
        return socket.create_server((host, port), backlog=_BACKLOG)
    except OSError as error:
        raise PortTakenError(host, port, error.strerror or str(error)) from error


def uvicorn_server(app: Starlette, log_level: str = "warning") -> uvicorn.Server:
    """A server for `app`, with the bounds of `hoviat pki serve`."""
    return worker_server(app, log_level=log_level)


@contextmanager
def running(app: Starlette, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serves `app` from a thread of this process; yields its base URL."""
    with listen(host, port) as listener:
        server = uvicorn_server(app)
        thread = threading.Thread(target=server.run, args=([listener],), name="hoviat-server", daemon=True)
        thread.start()
        try:
            _wait_started(server, thread)
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(_START_SECONDS)


def _wait_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    waited = threading.Event()
    for _ in range(_START_SECONDS * 100):
        if server.started:
            return
        if not thread.is_alive():
            break
        waited.wait(0.01)
    raise ServerStartError("the server did not start")
