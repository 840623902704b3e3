"""The status service: CA certificates, CRLs and OCSP over plain HTTP, mounted at `/pki`."""

import base64
import binascii
import logging
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pki.bootstrap import Pki
from pki.disclosure import STATEMENT
from pki.errors import PkiError
from pki.metrics import Counters
from pki.problems import problem
from pki.status.ocsp.request import MAX_REQUEST_BYTES
from pki.status.ocsp.response import ResponseStatus, error_response

_LOG = logging.getLogger(__name__)

# RFC 2585 §4.1, RFC 5280 §4.2.1.13; RFC 6960 Appendix A
_CERTIFICATE_TYPE = "application/pkix-cert"
_CRL_TYPE = "application/pkix-crl"
_OCSP_REQUEST_TYPE = "application/ocsp-request"
_OCSP_RESPONSE_TYPE = "application/ocsp-response"
_METRICS_TYPE = "text/plain; version=0.0.4"

_CERTIFICATE_SECONDS = 86_400
SHARED_SECONDS = 60
"""How long caches may keep a CRL or an OCSP answer: with it, the delay of a revocation outside."""
_MAX_BASE64 = MAX_REQUEST_BYTES * 4 // 3 + 4

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(pki: Pki) -> Starlette:
    """The ASGI application; its routes are relative to where it is mounted. The caller closes `pki`."""
    service = _StatusService(pki)
    return Starlette(
        routes=[
            Route("/ca/{name}.cer", service.ca_certificate, methods=["GET"]),
            Route("/crl/{name}.crl", service.crl, methods=["GET"]),
            Route("/ocsp", service.ocsp_post, methods=["POST"]),
            Route("/ocsp/{request:path}", service.ocsp_get, methods=["GET"]),
            Route("/pds-en.txt", service.disclosure, methods=["GET"]),
            Route("/healthz", service.health, methods=["GET"]),
            Route("/metrics", service.metrics, methods=["GET"]),
        ],
        exception_handlers={404: _not_found, 405: _not_allowed},
    )


class _StatusService:
    """The endpoints. Those that read the database or sign run in the thread pool."""

    def __init__(self, pki: Pki) -> None:
        self._pki = pki
        self._counters = Counters()

    async def ca_certificate(self, request: Request) -> Response:
        certificate = self._pki.certificates.get(request.path_params["name"])
        if certificate is None:
            return _unknown_ca()
        return Response(certificate, media_type=_CERTIFICATE_TYPE, headers=_cached(_CERTIFICATE_SECONDS))

    def crl(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._pki.crls.names:
            return _unknown_ca()
        crl = self._pki.crls.current(name)
        self._counters.add("hoviat_pki_crl_downloads_total", issuer=name)
        left = int((crl.next_update - self._pki.clock()).total_seconds())
        headers = {**_cached(max(0, min(SHARED_SECONDS, left))), "ETag": f'"{name}-{crl.number}"'}
        return Response(crl.der, media_type=_CRL_TYPE, headers=headers)

    async def ocsp_post(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip() != _OCSP_REQUEST_TYPE:
            return problem(415, "ocsp-media-type", f"OCSP requests are {_OCSP_REQUEST_TYPE}")
        body = await _read_bounded(request, MAX_REQUEST_BYTES)
        if body is None:
            return problem(
                413, "ocsp-request-too-long", f"OCSP requests have {MAX_REQUEST_BYTES} bytes at most"
            )
        return await run_in_threadpool(self._ocsp, body, cacheable=False)

    async def ocsp_get(self, request: Request) -> Response:
        """RFC 6960 Appendix A.1: the base64 of the request, URL-encoded, as the rest of the path."""
        try:
            text = request.path_params["request"]
            body = b"" if len(text) > _MAX_BASE64 else base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            body = b""
        return await run_in_threadpool(self._ocsp, body, cacheable=True)

    def _ocsp(self, body: bytes, *, cacheable: bool) -> Response:
        try:
            answer = self._pki.ocsp.answer(body)
        except (SQLAlchemyError, PkiError) as error:
            # Nothing can be said now. Only the kind is logged: the words could name hosts and queries.
            _LOG.error("OCSP is unavailable: %s", type(error).__name__)
            self._counters.add("hoviat_pki_ocsp_responses_total", status="internal_error")
            return _ocsp_response(error_response(ResponseStatus.INTERNAL_ERROR), _NOT_CACHED)
        self._counters.add("hoviat_pki_ocsp_responses_total", status=answer.status.name.lower())
        shared = cacheable and not answer.has_nonce and answer.status is ResponseStatus.SUCCESSFUL
        return _ocsp_response(answer.body, _cached(SHARED_SECONDS) if shared else _NOT_CACHED)

    async def disclosure(self, request: Request) -> Response:  # noqa: ARG002
        return PlainTextResponse(STATEMENT, headers=_cached(_CERTIFICATE_SECONDS))

    def health(self, request: Request) -> Response:  # noqa: ARG002
        try:
            for name in self._pki.crls.names:
                self._pki.crls.current(name)
        except SQLAlchemyError:
            return problem(503, "database-unavailable", "The status database does not answer")
        return Response('{"status":"ok"}', media_type="application/json", headers=_NOT_CACHED)

    async def metrics(self, request: Request) -> Response:  # noqa: ARG002
        return Response(self._counters.text(), media_type=_METRICS_TYPE, headers=_NOT_CACHED)


_NOT_CACHED: Mapping[str, str] = {"Cache-Control": "no-store"}


def _cached(seconds: int) -> dict[str, str]:
    return {"Cache-Control": f"public, max-age={seconds}, no-transform"}


def _ocsp_response(body: bytes, headers: Mapping[str, str]) -> Response:
    return Response(body, media_type=_OCSP_RESPONSE_TYPE, headers=dict(headers))


async def _read_bounded(request: Request, limit: int) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _unknown_ca() -> Response:
    return problem(404, "unknown-ca", "There is no CA of this name")


async def _not_found(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return problem(404, "not-found", "Nothing is served at this address")


async def _not_allowed(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return problem(405, "method-not-allowed", "This address does not take this method")
