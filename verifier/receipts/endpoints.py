"""The receipts' public side: the citizen's page, found by code, and the keys of its signatures."""

from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from pki.problems import problem
from verifier.receipts import page
from verifier.receipts.advice import Words
from verifier.receipts.citizen import CitizenReceipts
from verifier.receipts.negotiation import prefers_json
from verifier.receipts.proof import Keys, jwk_set
from verifier.receipts.service import ReceiptMissingError
from verifier.receipts.throttle import SECONDS, WrongCodes, address_of

KEYS_MEDIA_TYPE = "application/jwk-set+json"  # RFC 7517, 8.5.2
_KEYS_HEADERS = {"Cache-Control": "public, max-age=300"}
_LATER = {"Retry-After": str(int(SECONDS))}
_LONGEST_CODE = 64


def create_receipts_router(receipts: CitizenReceipts, keys: Keys, wrong_codes: WrongCodes) -> APIRouter:
    """Routes that ask for no key."""
    router = APIRouter()

    @router.get("/v1/receipt-keys")
    async def publish_keys() -> Response:
        """The public keys that receipts are or were signed with, the newest first, as a JWK set."""
        return JSONResponse(jwk_set(keys), HTTPStatus.OK, _KEYS_HEADERS, KEYS_MEDIA_TYPE)

    @router.get("/receipts", include_in_schema=False)
    async def ask_code(request: Request, code: str = "") -> Response:
        """The page that asks for a code, and its answer: the way to the receipt."""
        if code:
            return RedirectResponse(f"{_here(request)}/{quote(code[:_LONGEST_CODE], safe='')}", 303)
        return HTMLResponse(page.notice_page(page.ASK_CODE, _here(request)), headers=dict(page.HEADERS))

    @router.get("/receipts/{code:path}", include_in_schema=False)
    async def show_receipt(request: Request, code: str) -> Response:
        """What the citizen is shown of one attempt: a page, or JSON where that is preferred."""
        address = address_of(request)
        if not wrong_codes.take(address):
            return _refuse(request, HTTPStatus.TOO_MANY_REQUESTS, "receipts-throttled", page.TRY_LATER)
        try:
            view = await run_in_threadpool(receipts.read, code)
        except ReceiptMissingError:
            return _refuse(request, HTTPStatus.NOT_FOUND, "receipt-unknown", page.NO_RECEIPT)
        wrong_codes.give_back(address)
        if prefers_json(request.headers.get("accept", "")):
            return JSONResponse(view.as_json(), HTTPStatus.OK, dict(page.HEADERS))
        return HTMLResponse(page.receipt_page(view, _here(request)), HTTPStatus.OK, dict(page.HEADERS))

    return router


def _refuse(request: Request, status: HTTPStatus, kind: str, title: Words) -> Response:
    headers = dict(page.HEADERS) | (_LATER if status is HTTPStatus.TOO_MANY_REQUESTS else {})
    if prefers_json(request.headers.get("accept", "")):
        return problem(status, kind, title.en, headers=headers)
    return HTMLResponse(page.notice_page(title, _here(request)), status, headers)


def _here(request: Request) -> str:
    """The path under which codes are asked for, wherever the application is mounted."""
    return f"{request.scope.get('root_path', '')}/receipts"
