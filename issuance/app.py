"""The registry's ASGI application; its routes are relative to where it is mounted, `/issuance`."""

from http import HTTPStatus

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from issuance.approval import endpoints as approval
from issuance.batchruns import endpoints as batchruns
from issuance.bootstrap import Issuance
from issuance.calls import endpoints as calls
from issuance.decrees import endpoints as decrees
from issuance.delivery import endpoints as delivery
from issuance.duplicates import endpoints as duplicates
from issuance.enrolment import endpoints as enrolment
from issuance.errors import NotSignedInError
from issuance.histories import endpoints as histories
from issuance.inspection import endpoints as inspection
from issuance.lifecycle import endpoints as lifecycle
from issuance.lookups import endpoints as lookups
from issuance.massactions import endpoints as massactions
from issuance.offices import endpoints as offices
from issuance.operations import router as operations
from issuance.operators import account_endpoints as accounts
from issuance.operators import endpoints as operators
from issuance.operators import factor_endpoints as second_factors
from issuance.orders import endpoints as orders
from issuance.people import endpoints as people
from issuance.production import endpoints as production
from issuance.rekeying import endpoints as rekeying
from issuance.selfservice import endpoints as selfservice
from issuance.stations import endpoints as stations
from issuance.stock import endpoints as stock
from issuance.tracking import endpoints as tracking
from issuance.unblocking import endpoints as unblocking
from issuance.web import pages
from issuance.web.access import gate
from issuance.web.describing import DescribedApp
from issuance.web.headers import SecurityHeaders
from issuance.web.limits import TOO_LARGE, BodyLimit
from issuance.web.problems import TOLD, refusal
from pki.problems import problem

_ROUTERS = (
    operators.router,
    second_factors.router,
    accounts.router,
    selfservice.router,
    offices.router,
    stock.router,
    enrolment.router,
    people.router,
    duplicates.router,
    tracking.router,
    lookups.router,
    approval.router,
    orders.router,
    production.router,
    batchruns.router,
    inspection.router,
    delivery.router,
    lifecycle.router,
    calls.router,
    unblocking.router,
    rekeying.router,
    decrees.router,
    histories.router,
    stations.router,
    lifecycle.replacement_router,
    massactions.router,
    operations,
)


def create_app(registry: Issuance) -> FastAPI:
    """The application over an opened registry; whoever opened it closes it."""
    app = DescribedApp(
        title="Hoviat registry",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(gate)],
    )
    app.state.registry = registry
    for router in _ROUTERS:
        app.include_router(router)
    pages.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)
    _add_problem_handlers(app)
    return app


def _add_problem_handlers(app: FastAPI) -> None:
    for error_class in TOLD:
        app.add_exception_handler(error_class, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _fault)


async def _told(request: Request, error: Exception) -> Response:
    if pages.is_page(request):
        return await pages.refuse(request, error)
    told = refusal(error)
    headers = {} if told.wait_s is None else {"Retry-After": str(told.wait_s)}
    if isinstance(error, NotSignedInError):
        headers["WWW-Authenticate"] = "Bearer"  # RFC 6750 §3
    return problem(told.status, told.kind, told.title, told.detail, headers=headers)


async def _invalid(request: Request, error: Exception) -> Response:
    """Names the fields and what is wrong with them, never what was in them."""
    if pages.is_page(request):
        return pages.http_error(request, HTTPStatus.UNPROCESSABLE_ENTITY)
    faults = error.errors() if isinstance(error, RequestValidationError) else ()
    fields = [
        {"field": ".".join(str(part) for part in fault["loc"]), "fault": fault["type"]} for fault in faults
    ]
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "request-malformed",
        "The request can't be read",
        extensions={"fields": fields},
    )


async def _http_error(request: Request, error: Exception) -> Response:
    status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else 500)
    if pages.is_page(request):
        return pages.http_error(request, status)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    too_large = status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    kind = TOO_LARGE if too_large else status.phrase.lower().replace(" ", "-")
    return problem(status, kind, status.phrase, headers=headers)


async def _fault(_request: Request, _error: Exception) -> Response:
    """A fault of the program: told as such and nothing more; the server logs it."""
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Something went wrong here")
