"""The verifier's ASGI application; its routes are relative to where it is mounted, `/verifier`."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from pki.problems import problem
from verifier.bootstrap import Verifier
from verifier.describing import add_document
from verifier.logins.endpoints import create_router
from verifier.logins.problems import RESPONSES, response_to
from verifier.metrics import MEDIA_TYPE
from verifier.receipts.citizen import CitizenReceipts
from verifier.receipts.endpoints import create_receipts_router
from verifier.receipts.throttle import WrongCodes


def create_app(verifier: Verifier) -> FastAPI:
    """The application over an opened verifier; whoever opened it closes it."""
    app = FastAPI(title="Hoviat verifier", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(create_router(verifier.api, verifier.logins, verifier.services))
    keys = verifier.receipt_keys.public
    app.include_router(create_receipts_router(CitizenReceipts(verifier.database, keys), keys, WrongCodes()))
    _add_operations(app, verifier)
    add_document(app)
    _add_problem_handlers(app)
    return app


def _add_operations(app: FastAPI, verifier: Verifier) -> None:
    @app.get("/healthz")
    async def healthz() -> Response:
        """200 while the database and whoever records logins answer.

        `degraded` names what is configured and can't be used.
        """
        await run_in_threadpool(verifier.check_health)
        await verifier.api.check()
        degraded = await run_in_threadpool(verifier.faults.degraded)
        return JSONResponse({"status": "degraded", "degraded": degraded} if degraded else {"status": "ok"})

    @app.get("/metrics")
    async def metrics() -> Response:
        """Counters and gauges for Prometheus."""
        page = await run_in_threadpool(verifier.metrics.render)
        return PlainTextResponse(page, media_type=MEDIA_TYPE)


def _add_problem_handlers(app: FastAPI) -> None:
    async def refuse(_request: Request, error: Exception) -> Response:
        return response_to(error)

    for kind in RESPONSES:
        app.add_exception_handler(kind, refuse)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, _error: RequestValidationError) -> Response:
        return problem(HTTPStatus.BAD_REQUEST, "request-malformed", "The request can't be read")

    @app.exception_handler(HTTPException)
    async def http_error(_request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        return problem(status, status.phrase.lower().replace(" ", "-"), status.phrase, headers=error.headers)
