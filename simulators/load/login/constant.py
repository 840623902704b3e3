"""The bare framework, for `bench login`: one POST that reads its JSON and answers a constant."""

import socket
import sys
from typing import Any

from fastapi import FastAPI

from pki.workers import Work, begin_worker, listen, settle, supervise, worker_server

_ANSWER = {"claims": {"national_code": "0" * 10}, "receipt": {"code": "0" * 10}}


def _serve(listener: socket.socket) -> None:
    begin_worker()
    app = FastAPI()

    @app.post("/v1/authentications")
    async def authenticate(body: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - parsing it is the point
        """Parses and forgets."""
        return _ANSWER

    settle()
    worker_server(app, lifespan=False).run([listener])


if __name__ == "__main__":
    _, port, workers = sys.argv
    with listen("127.0.0.1", int(port)) as listening:
        supervise(Work(f"constant-{number}", _serve, (listening,)) for number in range(int(workers)))
