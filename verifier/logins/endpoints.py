"""The HTTP interface that relying sites use: challenges, authentications, receipts."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from pki.problems import problem
from verifier import bodies
from verifier.authentication.errors import (
    ChallengeExpiredError,
    ChallengeUsedError,
    LoginRefusedError,
    PolicyUnavailableError,
    StatusUnavailableError,
    TokenFormatError,
    TokenParseError,
)
from verifier.authentication.strictjson import JsonValue
from verifier.authentication.token import WebEidToken
from verifier.logins.service import LoginAttemptRefusedError, LoginService
from verifier.metrics import Metrics
from verifier.receipts.advice import ACCEPTED
from verifier.receipts.codes import ReceiptCodeError
from verifier.receipts.service import ReceiptMissingError
from verifier.services.errors import ApiKeyInvalidError
from verifier.services.registry import RelyingSite, SiteRegistry

_NO_STORE = {"Cache-Control": "no-store"}
_RETRY_AFTER_SECONDS = "5"
_BEARER = "bearer"
_STATUS_BY_ERROR: tuple[tuple[type[LoginRefusedError], HTTPStatus], ...] = (
    (ChallengeUsedError, HTTPStatus.CONFLICT),
    (ChallengeExpiredError, HTTPStatus.GONE),
    (TokenParseError, HTTPStatus.BAD_REQUEST),
    (TokenFormatError, HTTPStatus.BAD_REQUEST),
    (StatusUnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
    (PolicyUnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
    (LoginRefusedError, HTTPStatus.FORBIDDEN),
)
"""First match counts."""

_Result = TypeVar("_Result")
SiteDependency = Callable[[Request], Awaitable[RelyingSite]]


class RequestRefusedError(Exception):
    """The request is well-formed JSON but not what the endpoint takes; `detail` says what is due."""

    def __init__(self, status: HTTPStatus, kind: str, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail


def create_router(logins: LoginService, sites: SiteRegistry, metrics: Metrics) -> APIRouter:
    """Routes under /v1, each for the site whose API key the request carries."""
    router = APIRouter(prefix="/v1")
    site_of_request = _site_dependency(sites)
    _add_challenges(router, logins, metrics, site_of_request)
    _add_authentications(router, logins, metrics, site_of_request)
    _add_receipts(router, logins, site_of_request)
    return router


def _site_dependency(sites: SiteRegistry) -> SiteDependency:
    async def site_of_request(request: Request) -> RelyingSite:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != _BEARER:
            raise ApiKeyInvalidError
        return await run_in_threadpool(sites.authenticate, key.strip())

    return site_of_request


def _add_challenges(
    router: APIRouter, logins: LoginService, metrics: Metrics, site_of_request: SiteDependency
) -> None:
    @router.post("/challenges", status_code=HTTPStatus.CREATED)
    async def create_challenge(
        request: Request, site: Annotated[RelyingSite, Depends(site_of_request)]
    ) -> Response:
        """A nonce for one login, 44 characters, good for five minutes. Body: {} or {"origin": …}."""
        origin = (await bodies.read_object(request)).get("origin", site.origin)
        if origin != site.origin:
            raise RequestRefusedError(
                HTTPStatus.FORBIDDEN,
                "origin-not-registered",
                "The origin is not this site's",
                "this site is registered for another origin",
            )
        challenge = await run_in_threadpool(logins.issue_challenge, site)
        metrics.count_challenge()
        content = {
            "nonce": challenge.nonce,
            "origin": challenge.origin,
            "expires_at": challenge.expires_at.isoformat(),
        }
        return JSONResponse(content, HTTPStatus.CREATED, _NO_STORE)


def _add_authentications(
    router: APIRouter, logins: LoginService, metrics: Metrics, site_of_request: SiteDependency
) -> None:
    @router.post("/authentications")
    async def authenticate(
        request: Request, site: Annotated[RelyingSite, Depends(site_of_request)]
    ) -> Response:
        """Verifies {"token": {…}, "nonce": "…"}: claims and receipt, or a problem with the receipt."""
        body = await bodies.read_object(request)
        nonce = _nonce_of(body)
        token: JsonValue = body.get("token")
        try:
            login = await logins.log_in(site, nonce, lambda: WebEidToken.from_json_value(token))
        except LoginAttemptRefusedError as refusal:
            metrics.count_login(refusal.error.kind)
            return _refusal(refusal)
        metrics.count_login(ACCEPTED)
        content = {"claims": login.identity.claims(), "receipt": login.receipt.as_json()}
        return JSONResponse(content, HTTPStatus.OK, _NO_STORE)


def _add_receipts(router: APIRouter, logins: LoginService, site_of_request: SiteDependency) -> None:
    @router.get("/receipts/{code}")
    async def read_receipt(code: str, site: Annotated[RelyingSite, Depends(site_of_request)]) -> Response:
        """The receipt of one attempt at this site."""
        try:
            receipt = await run_in_threadpool(logins.receipt, site, code)
        except (ReceiptMissingError, ReceiptCodeError):
            return problem(
                HTTPStatus.NOT_FOUND, "receipt-unknown", "There is no such receipt", headers=_NO_STORE
            )
        return JSONResponse(receipt.as_json(), HTTPStatus.OK, _NO_STORE)


def _nonce_of(body: dict[str, JsonValue]) -> str:
    nonce = body.get("nonce")
    if not isinstance(nonce, str) or not nonce:
        raise RequestRefusedError(
            HTTPStatus.BAD_REQUEST,
            "request-malformed",
            "The request can't be read",
            "due are token, an object, and nonce, a string",
        )
    return nonce


def _refusal(refusal: LoginAttemptRefusedError) -> Response:
    error = refusal.error
    status = next(status for kind, status in _STATUS_BY_ERROR if isinstance(error, kind))
    headers = dict(_NO_STORE)
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = _RETRY_AFTER_SECONDS
    return problem(
        status, error.kind, error.title, error.detail, {"receipt": refusal.receipt.as_json()}, headers
    )
