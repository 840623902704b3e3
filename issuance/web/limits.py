"""Refuses request bodies beyond a bound before anything parses them."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pki.problems import problem

TOO_LARGE = "request-too-large"
"""The problem's kind."""
MAX_BODY_BYTES = 1024 * 1024
"""A portrait of 512 KiB in base 64, and room for the rest."""


class BodyLimit:
    """ASGI middleware: 413 for a body whose announced or actual size is over the bound."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _announced(scope) > self._limit:
            await _refuse(scope, receive, send)
            return
        await self._app(scope, self._bounded(receive), send)

    def _bounded(self, receive: Receive) -> Receive:
        seen = 0

        async def bounded_receive() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                # Raised where the application reads the body, so its own handlers answer.
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        return bounded_receive


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:12])
    return 0


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    response = problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE, "The request's body is too large")
    response.headers["Connection"] = "close"
    await response(scope, receive, send)
