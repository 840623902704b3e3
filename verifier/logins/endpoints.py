"""The HTTP interface that relying sites use: challenges, authentications, receipts."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from pki.problems import problem
from verifier import bodies
from verifier.logins.api import NO_STORE, LoginApi, bearer
from verifier.logins.service import LoginService
from verifier.receipts.codes import ReceiptCodeError
from verifier.receipts.service import ReceiptMissingError
from verifier.services.registry import SiteRegistry

_AUTHORIZATION = "authorization"


def create_router(api: LoginApi, logins: LoginService, sites: SiteRegistry) -> APIRouter:
    """Routes under /v1, each for the site whose API key the request carries."""
    router = APIRouter(prefix="/v1")

    @router.post("/challenges", status_code=HTTPStatus.CREATED)
    async def create_challenge(request: Request) -> Response:
        """A nonce for one login, 72 characters, good for five minutes. Body: {} or {"origin": …}."""
        authorization = request.headers.get(_AUTHORIZATION, "")
        return await api.create_challenge(authorization, await bodies.read_object(request))

    @router.post("/authentications")
    async def authenticate(request: Request) -> Response:
        """Verifies {"token": {…}, "nonce": "…"}: claims and receipt, or a problem with the receipt."""
        authorization = request.headers.get(_AUTHORIZATION, "")
        return await api.authenticate(authorization, await bodies.read_object(request))

    @router.get("/receipts/{code}")
    async def read_receipt(code: str, request: Request) -> Response:
        """The receipt of one attempt at this site."""
        key = bearer(request.headers.get(_AUTHORIZATION, ""))
        try:
            site = await run_in_threadpool(sites.authenticate, key)
            receipt = await run_in_threadpool(logins.receipt, site, code)
        except (ReceiptMissingError, ReceiptCodeError):
            return problem(
                HTTPStatus.NOT_FOUND, "receipt-unknown", "There is no such receipt", headers=NO_STORE
            )
        return JSONResponse(receipt.as_json(), HTTPStatus.OK, NO_STORE)

    return router
