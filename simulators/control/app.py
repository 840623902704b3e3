"""The desk over HTTP, on loopback: whoever has the token moves cards."""

import hmac
import json
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pki.app import not_allowed, not_found
from pki.problems import AsciiJsonResponse, problem
from simulators.card.errors import CardSimulationError
from simulators.control.conditions import Conditions, ConditionsError
from simulators.control.desk import Desk, UnknownCardError, UnknownReaderError
from simulators.control.padkeys import PadKeys
from simulators.readers.errors import ReaderSimulationError

MAX_BODY = 256 * 1024
_SCHEME = "Bearer "
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


class _RefusedError(Exception):
    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.answer = answer


def create_app(desk: Desk, token: str) -> Starlette:
    """GET /readers; PUT /readers/{name}/card with `card`, maybe `other` and conditions; DELETE the same.
    PUT /readers/{name}/pad with what is pressed at its PIN pad (see `PadKeys`); DELETE takes the pad away.

    Every request bears `Authorization: Bearer TOKEN` and names a loopback host: a web page in this machine's
    browser moves no cards, whatever address its own name has been given meanwhile.
    """

    async def readers(_request: Request) -> Response:
        found = await run_in_threadpool(desk.occupancies)
        return AsciiJsonResponse([vars(entry) for entry in found])

    async def insert(request: Request) -> Response:
        card, other, conditions = _insertion(await _body(request))
        await run_in_threadpool(desk.insert, request.path_params["name"], card, conditions, other)
        return AsciiJsonResponse({"reader": request.path_params["name"], "card": card})

    async def remove(request: Request) -> Response:
        await run_in_threadpool(desk.remove, request.path_params["name"])
        return Response(status_code=204)

    async def press(request: Request) -> Response:
        keys = PadKeys.from_json(await _body(request))
        await run_in_threadpool(desk.set_pad, request.path_params["name"], keys)
        return Response(status_code=204)

    async def take_pad(request: Request) -> Response:
        await run_in_threadpool(desk.set_pad, request.path_params["name"], None)
        return Response(status_code=204)

    return Starlette(
        exception_handlers={404: not_found, 405: not_allowed},
        routes=[
            Route("/readers", _guarded(readers, token), methods=["GET"]),
            Route("/readers/{name}/card", _guarded(insert, token), methods=["PUT"]),
            Route("/readers/{name}/card", _guarded(remove, token), methods=["DELETE"]),
            Route("/readers/{name}/pad", _guarded(press, token), methods=["PUT"]),
            Route("/readers/{name}/pad", _guarded(take_pad, token), methods=["DELETE"]),
        ],
    )


_Handler = Callable[[Request], Awaitable[Response]]


def _guarded(handler: _Handler, token: str) -> _Handler:
    expected = (_SCHEME + token).encode()

    async def guarded(request: Request) -> Response:
        refusal = _refusal(request, expected)
        if refusal is not None:
            return refusal
        try:
            return await handler(request)
        except _RefusedError as refused:
            return refused.answer
        except ConditionsError as error:
            return problem(422, "invalid-conditions", "These conditions can't be", str(error))
        except (UnknownReaderError, UnknownCardError) as error:
            return problem(404, "not-found", "No such reader or card", str(error))
        except (CardSimulationError, ReaderSimulationError) as error:
            return problem(409, "not-inserted", "The card was not inserted", str(error))

    return guarded


def _refusal(request: Request, authorization: bytes) -> Response | None:
    if not _names_loopback(request.headers.get("host", "")):
        return problem(421, "misdirected", "Only this machine's own names are served here")
    if not hmac.compare_digest(request.headers.get("authorization", "").encode(), authorization):
        return problem(401, "unauthenticated", "The token is missing or wrong")
    return None


def _names_loopback(host: str) -> bool:
    name, colon, port = host.rpartition(":")
    return host.lower() in _LOOPBACK or (bool(colon) and port.isdigit() and name.lower() in _LOOPBACK)


async def _body(request: Request) -> object:
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > MAX_BODY:
            raise _RefusedError(problem(413, "too-large", f"At most {MAX_BODY} bytes"))
    try:
        return json.loads(bytes(received))
    except (ValueError, RecursionError):
        raise _RefusedError(problem(400, "malformed", "The body is no JSON")) from None


def _insertion(body: object) -> tuple[str, str | None, Conditions]:
    if not isinstance(body, dict):
        raise ConditionsError("body", "is an object")
    conditions = {name: value for name, value in body.items() if name not in {"card", "other"}}
    card, other = body.get("card"), body.get("other")
    if not isinstance(card, str) or not isinstance(other, str | None):
        raise ConditionsError("card", "and other are names of card files")
    return card, other, Conditions.from_json(conditions)
