"""The status service's own server and workers, and its short way for stored answers, by a constant."""

import multiprocessing
import socket
import sys
import threading

from starlette.types import Receive, Scope, Send

from pki.httpprotocol import Headers, ReadyResponse, answering_at_once, head_of
from pki.workers import begin_child, settle, worker_server


class Constant:
    """Reads nothing and answers with so many zero octets, under the headers that a stored answer has."""

    def __init__(self, size: int) -> None:
        self._body = bytes(size)
        self._headers = [
            (b"content-type", b"application/ocsp-response"),
            (b"content-length", b"%d" % size),
            (b"last-modified", b"Thu, 01 Jan 1970 00:00:00 GMT"),
            (b"expires", b"Thu, 01 Jan 1970 00:00:40 GMT"),
            (b"etag", b'"000000000000000000000000"'),
            (b"cache-control", b"max-age=40, public, no-transform, must-revalidate"),
        ]
        self._ready = ReadyResponse(200, head_of(self._headers), self._body)

    def at_once(self, target: bytes, headers: Headers) -> ReadyResponse:  # noqa: ARG002
        """One GET, the way that the service's stored answers go."""
        return self._ready

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Any other request."""
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body})


def work(listener: socket.socket, size: int) -> None:
    """One worker, begun as the service's are."""
    begin_child()
    settle()
    constant = Constant(size)
    worker_server(constant, answering_at_once(constant.at_once), lifespan=False).run([listener])


if __name__ == "__main__":
    port, workers, body_size = map(int, sys.argv[1:])
    with socket.create_server(("127.0.0.1", port), backlog=2048) as shared:
        context = multiprocessing.get_context("spawn")
        children = [
            context.Process(target=work, args=(shared, body_size), daemon=True) for _ in range(workers)
        ]
        for child in children:
            child.start()
        try:
            threading.Event().wait()
        finally:
            for child in children:
                child.terminate()
