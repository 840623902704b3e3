"""The status service: CA certificates, CRLs and OCSP over plain HTTP. Composes what the slices serve."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pki.bootstrap import Pki
from pki.documents import document_routes
from pki.health import health_routes
from pki.httpprotocol import AnswerBody, Headers, ReadyResponse
from pki.metrics import Counters
from pki.metricsboard import MetricsBoard
from pki.problems import problem
from pki.profiles.definitions import warn_of_faults
from pki.status.crl.endpoints import crl_routes
from pki.status.ocsp.endpoints import OcspEndpoint
from pki.status.ocsp.prepared import PreparedAnswers

_OCSP = "/ocsp"


class StatusApp:
    """The ASGI application. OCSP is told apart here, before any router: it is nearly all there is."""

    def __init__(self, ocsp: OcspEndpoint, others: Starlette, prefix: str) -> None:
        self._ocsp = ocsp
        self._others = others
        self._prefix = prefix
        self._ocsp_target = f"{prefix}{_OCSP}/".encode()

    def at_once(self, target: bytes, headers: Headers) -> ReadyResponse | None:
        """A stored OCSP answer to a GET, where there is one: `pki.httpprotocol.AnswerAtOnce`."""
        if not target.startswith(self._ocsp_target):
            return None
        return self._ocsp.at_once(target[len(self._ocsp_target) :], headers)

    def soon(self, target: bytes, headers: Headers) -> AnswerBody | None:
        """Who answers a POST to OCSP: `pki.httpprotocol.AnswerSoon`."""
        return self._ocsp.soon(headers) if target == self._ocsp_target[:-1] else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the server's life span."""
        if scope["type"] != "http":
            await self._others(scope, receive, send)
            return
        root: str = scope.get("root_path", "") + self._prefix
        path: str = scope["path"]
        ocsp = root + _OCSP
        if path.startswith(ocsp) and path[len(ocsp) : len(ocsp) + 1] in {"", "/"}:
            await self._ocsp(scope, receive, send, path[len(ocsp) + 1 :])
        elif path.startswith(root + "/"):
            await self._others({**scope, "root_path": root}, receive, send)
        else:
            await self._others(scope, receive, send)


def create_app(pki: Pki, prefix: str = "") -> StatusApp:
    """The application; the caller closes `pki`.

    :param prefix: `/pki` where it is served alone, as the addresses in certificates begin with it; where
        another application mounts it, empty
    """
    warn_of_faults(pki.authority.definitions)
    counters = Counters()
    board = MetricsBoard(pki.metrics_folder)
    prepared = PreparedAnswers(pki.ocsp, pki.status, pki.answers, pki.feed, pki.signing_clock)

    def follow() -> None:
        prepared.follow()
        board.publish(counters.values())

    ocsp = OcspEndpoint(pki.ocsp, prepared, follow, counters, pki.clock)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        ocsp.start_following()
        yield

    others = Starlette(
        routes=[
            *document_routes(pki),
            *crl_routes(pki, counters),
            *health_routes(pki, prepared, counters, board),
        ],
        exception_handlers={404: not_found, 405: not_allowed},
        lifespan=lifespan,
    )
    return StatusApp(ocsp, others, prefix)


async def not_found(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """What is not served is told as everything that is refused."""
    return problem(404, "not-found", "Nothing is served at this address")


async def not_allowed(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """The same of what is done otherwise."""
    return problem(405, "method-not-allowed", "This address does not take this method")
