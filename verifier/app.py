"""The verifier's ASGI application; its routes are relative to where it is mounted, `/verifier`."""

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from pki.problems import problem
from verifier.bodies import BodyError, BodyMalformedError, BodyTooLargeError, BodyTooSlowError, BodyTypeError
from verifier.bootstrap import Verifier
from verifier.logins.endpoints import RequestRefusedError, create_router
from verifier.metrics import MEDIA_TYPE
from verifier.services.errors import ApiKeyInvalidError

_LOG = logging.getLogger(__name__)

_BODY_PROBLEMS = {
    BodyTypeError: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type-unsupported", "The body must be JSON"),
    BodyTooLargeError: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request-too-large", "The body is too large"),
    BodyTooSlowError: (HTTPStatus.REQUEST_TIMEOUT, "request-timeout", "The body did not arrive in time"),
    BodyMalformedError: (HTTPStatus.BAD_REQUEST, "request-malformed", "The request can't be read"),
}


def create_app(verifier: Verifier) -> FastAPI:
    """The application over an opened verifier; whoever opened it closes it."""
    app = FastAPI(title="Hoviat verifier", docs_url=None, redoc_url=None)
    app.include_router(create_router(verifier.logins, verifier.services, verifier.metrics))
    _add_operations(app, verifier)
    _add_problem_handlers(app)
    return app


def _add_operations(app: FastAPI, verifier: Verifier) -> None:
    @app.get("/healthz")
    async def healthz() -> Response:
        """200 while the database answers; `degraded` names what is configured and can't be used."""
        await run_in_threadpool(verifier.check_health)
        degraded = await run_in_threadpool(verifier.faults.degraded)
        return JSONResponse({"status": "degraded", "degraded": degraded} if degraded else {"status": "ok"})

    @app.get("/metrics")
    async def metrics() -> Response:
        """Counters and gauges for Prometheus."""
        page = await run_in_threadpool(verifier.metrics.render)
        return PlainTextResponse(page, media_type=MEDIA_TYPE)


def _add_problem_handlers(app: FastAPI) -> None:
    @app.exception_handler(ApiKeyInvalidError)
    async def unauthorised(_request: Request, _error: ApiKeyInvalidError) -> Response:
        return problem(
            HTTPStatus.UNAUTHORIZED,
            "api-key-invalid",
            "No valid API key",
            "send Authorization: Bearer with the key given at registration",
            headers={"WWW-Authenticate": "Bearer"},
        )

    @app.exception_handler(BodyError)
    async def body_refused(_request: Request, error: BodyError) -> Response:
        return problem(*_BODY_PROBLEMS[type(error)], str(error), headers={"Connection": "close"})

    @app.exception_handler(RequestRefusedError)
    async def request_refused(_request: Request, error: RequestRefusedError) -> Response:
        return problem(error.status, error.kind, error.title, error.detail)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, _error: RequestValidationError) -> Response:
        return problem(HTTPStatus.BAD_REQUEST, "request-malformed", "The request can't be read")

    @app.exception_handler(SQLAlchemyError)
    async def database_away(_request: Request, error: SQLAlchemyError) -> Response:
        _LOG.error("database unavailable: %s", type(error).__name__)
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "database-unavailable",
            "The service can't reach its database",
            headers={"Retry-After": "5"},
        )

    @app.exception_handler(HTTPException)
    async def http_error(_request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        return problem(status, status.phrase.lower().replace(" ", "-"), status.phrase, headers=error.headers)
