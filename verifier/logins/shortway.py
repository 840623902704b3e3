"""Logins without a framework: requests that come whole are answered with no route, task group or message.

Everything else goes to the application, whose routes end in the same functions and give the same responses.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from starlette.responses import Response

from pki.httpprotocol import AnswerBody, Headers, ReadyResponse, Respond, head_of
from pki.problems import problem
from verifier import bodies
from verifier.logins.api import Body, LoginApi
from verifier.logins.problems import RESPONSES, response_to

_LOG = logging.getLogger(__name__)
_Handler = Callable[[str, Body], Awaitable[Response]]


class ShortWay:
    """What `pki.httpprotocol.answering_at_once` asks about POSTs."""

    def __init__(self, api: LoginApi, prefix: str = "") -> None:
        """`prefix` is where the application is mounted."""
        self._handlers: dict[bytes, _Handler] = {
            f"{prefix}/v1/challenges".encode(): api.create_challenge,
            f"{prefix}/v1/authentications".encode(): api.authenticate,
        }
        self._tasks: set[asyncio.Task[None]] = set()

    def soon(self, target: bytes, headers: Headers) -> AnswerBody | None:
        """Who answers a request for this target, if it is one of a login's two."""
        handler = self._handlers.get(target)
        length = _first(headers, b"content-length")
        if handler is None or not length.isdecimal() or int(length[:9]) > bodies.MAXIMUM_BYTES:
            return None

        def take(body: bytes, respond: Respond) -> None:
            task = asyncio.get_running_loop().create_task(_answer(handler, headers, body, respond))
            self._tasks.add(task)  # the loop itself holds tasks only weakly
            task.add_done_callback(self._tasks.discard)

        return take


async def _answer(handler: _Handler, headers: Headers, body: bytes, respond: Respond) -> None:
    try:
        response = await _response(handler, headers, body)
    except Exception as error:  # noqa: BLE001 - as a framework does it: the client is told, the server goes on
        _LOG.error("a login ended in %s", type(error).__name__, exc_info=error)
        response = problem(500, "internal-error", "The service failed")
    head = head_of(response.raw_headers)
    respond(ReadyResponse(response.status_code, head, bytes(response.body)))


async def _response(handler: _Handler, headers: Headers, body: bytes) -> Response:
    try:
        bodies.require_json(_first(headers, b"content-type"))
        return await handler(_first(headers, b"authorization"), bodies.decode(body))
    except tuple(RESPONSES) as error:
        return response_to(error)


def _first(headers: Headers, name: bytes) -> str:
    for found, value in headers:
        if found == name:
            return value.decode("latin-1")
    return ""
