"""The synthetic civil register behind HTTP, with what goes wrong at a real one."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from http import HTTPStatus
from json import JSONDecodeError

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from issuance.registry.civilregister import CivilRegister
from issuance.registry.models import CODE_LENGTH
from simulators.faults.register import RegisterEffect, RegisterFaults

PATH = "/persons"
_TICK_SECONDS = 0.01
_CHUNK = b" " * 4096
SOMEBODY_ELSE = "0084575948"
"""A national code that the synthetic people do not have."""
_NONE = RegisterFaults()


class RegisterServer:
    """Counts the questions, and answers or fails by the script."""

    def __init__(self, register: CivilRegister, faults: RegisterFaults = _NONE) -> None:
        self.faults = faults
        self._register = register
        self._questions = itertools.count(1)

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[Route(PATH, self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        code = await _asked(request)
        effect = self.faults.at(next(self._questions))
        record = self._register.find(code) if len(code) == CODE_LENGTH else None
        found = {} if record is None else record.as_data()
        if effect is not None:
            return await _FAILURES[effect](found, request)
        return JSONResponse(found) if found else Response(status_code=HTTPStatus.NOT_FOUND)


async def _asked(request: Request) -> str:
    try:
        body = json.loads(await request.body())
    except (JSONDecodeError, UnicodeDecodeError):
        return ""
    code = body.get("national_code") if isinstance(body, dict) else None
    return code if isinstance(code, str) and code.isascii() and code.isdigit() else ""


async def _drop(found: dict[str, object], request: Request) -> Response:  # noqa: ARG001
    # Less than was announced: the server closes the connection.
    return Response(b"{", headers={"content-length": "1000"})


async def _silent(found: dict[str, object], request: Request) -> Response:  # noqa: ARG001
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response()


async def _trickle(found: dict[str, object], request: Request) -> Response:  # noqa: ARG001
    return StreamingResponse(_drops())


async def _error(found: dict[str, object], request: Request) -> Response:  # noqa: ARG001
    return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE)


async def _malformed(found: dict[str, object], request: Request) -> Response:  # noqa: ARG001
    return Response(b"<html>maintenance</html>")


async def _incomplete(found: dict[str, object], request: Request) -> Response:  # noqa: ARG001
    return JSONResponse({"national_code": found.get("national_code", "")})


async def _contradictory(found: dict[str, object], request: Request) -> Response:  # noqa: ARG001
    return JSONResponse({**found, "national_code": SOMEBODY_ELSE})


async def _endless(found: dict[str, object], request: Request) -> Response:  # noqa: ARG001
    return StreamingResponse(_flood())


async def _drops() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(_TICK_SECONDS)


async def _flood() -> AsyncIterator[bytes]:
    while True:
        yield _CHUNK
        await asyncio.sleep(0)  # whoever has gone is only noticed between two steps


_FAILURES: Mapping[RegisterEffect, Callable[[dict[str, object], Request], Awaitable[Response]]] = {
    RegisterEffect.DROP: _drop,
    RegisterEffect.SILENT: _silent,
    RegisterEffect.TRICKLE: _trickle,
    RegisterEffect.ERROR: _error,
    RegisterEffect.MALFORMED: _malformed,
    RegisterEffect.INCOMPLETE: _incomplete,
    RegisterEffect.CONTRADICTORY: _contradictory,
    RegisterEffect.ENDLESS: _endless,
}
