"""The OpenAPI document of what sites may ask.

Bodies are read and answers written by hand, so they are described by hand; tests hold each against the other.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import TypeAlias

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from pki.problems import MEDIA_TYPE as PROBLEM
from verifier.authentication.algorithms import SignatureAlgorithm
from verifier.authentication.hints import INTERMEDIATES, SIGNING_CERTIFICATES
from verifier.authentication.steps import Step
from verifier.challenges.sealing import NONCE_LENGTH
from verifier.metrics import MEDIA_TYPE as METRICS
from verifier.receipts.endpoints import KEYS_MEDIA_TYPE
from verifier.receipts.service import StepOutcome

Json: TypeAlias = dict[str, object]

_JSON = "application/json"
_TEXT: Json = {"type": "string"}
_TIME: Json = {"type": "string", "format": "date-time"}
_BASE64: Json = {"type": "string", "format": "byte", "contentEncoding": "base64", "minLength": 1}
_SECURED: Json = {"security": [{"siteKey": []}]}
_OPEN: Json = {"security": []}
_WHY: Mapping[HTTPStatus, str] = MappingProxyType(
    {
        HTTPStatus.BAD_REQUEST: "The request, or the token in it, can't be read",
        HTTPStatus.UNAUTHORIZED: "No valid API key",
        HTTPStatus.FORBIDDEN: "Refused; a refused login has a receipt",
        HTTPStatus.NOT_FOUND: "There is none, or it is another site's",
        HTTPStatus.REQUEST_TIMEOUT: "The body did not arrive in time",
        HTTPStatus.CONFLICT: "The challenge was used before",
        HTTPStatus.GONE: "The challenge is too old",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not JSON",
        HTTPStatus.SERVICE_UNAVAILABLE: "Something that is needed does not answer; try later",
    }
)
_OF_BODIES = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)


def add_document(app: FastAPI) -> None:
    """Serves the document at /openapi.json, wherever the application is mounted."""

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        """What can be asked here, for programs."""
        return JSONResponse(document(request.scope.get("root_path") or "/"))


def document(mounted_at: str) -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hoviat verifier", "version": "1"},
        "servers": [{"url": mounted_at}],
        "paths": {
            "/v1/challenges": {"post": _create_challenge()},
            "/v1/authentications": {"post": _authenticate()},
            "/v1/receipts/{code}": {"get": _read_receipt()},
            "/v1/receipt-keys": {"get": _read_receipt_keys()},
            "/healthz": {"get": _healthz()},
            "/metrics": {"get": _metrics()},
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "siteKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The API key that the site was given at its registration",
                }
            },
        },
    }


def _create_challenge() -> Json:
    origin = _TEXT | {"description": "If given, it must be the origin under which the site is registered"}
    return _SECURED | {
        "operationId": "createChallenge",
        "summary": "A nonce for one login, good for five minutes",
        "requestBody": _body(_object({"origin": origin})),
        "responses": _answer(HTTPStatus.CREATED, "Issued", "Challenge")
        | _problems(
            HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE, *_OF_BODIES
        ),
    }


def _authenticate() -> Json:
    nonce = _TEXT | {"minLength": 1, "description": "The challenge that the token answers; it serves once"}
    return _SECURED | {
        "operationId": "authenticate",
        "summary": "Verifies a Web eID token that answers a challenge",
        "requestBody": _body(_object({"token": _ref("WebEidToken"), "nonce": nonce}, "token", "nonce")),
        "responses": _answer(HTTPStatus.OK, "Accepted", "Login")
        | _problems(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.CONFLICT,
            HTTPStatus.GONE,
            HTTPStatus.SERVICE_UNAVAILABLE,
            *_OF_BODIES,
        ),
    }


def _read_receipt() -> Json:
    return _SECURED | {
        "operationId": "readReceipt",
        "summary": "The receipt of one attempt at this site",
        "parameters": [
            {
                "name": "code",
                "in": "path",
                "required": True,
                "schema": _TEXT,
                "description": "Ten characters; case, hyphens and O for 0 don't matter",
            }
        ],
        "responses": _answer(HTTPStatus.OK, "Found", "Receipt")
        | _problems(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
    }


def _read_receipt_keys() -> Json:
    key_set = {"schema": _object({"keys": _list({"type": "object"})}, "keys")}
    return _OPEN | {
        "operationId": "readReceiptKeys",
        "summary": "The public keys that receipts are or were signed with, the newest first (RFC 7517)",
        "responses": {"200": {"description": "Found", "content": {KEYS_MEDIA_TYPE: key_set}}},
    }


def _healthz() -> Json:
    return _OPEN | {
        "operationId": "health",
        "summary": "Whether logins can be verified",
        "responses": _answer(HTTPStatus.OK, "They can", "Health") | _problems(HTTPStatus.SERVICE_UNAVAILABLE),
    }


def _metrics() -> Json:
    page = {
        "description": "For Prometheus",
        "content": {METRICS.split(";", maxsplit=1)[0]: {"schema": _TEXT}},
    }
    return _OPEN | {
        "operationId": "metrics",
        "summary": "Counters and gauges",
        "responses": {"200": page},
    }


def _schemas() -> Json:
    words = _object({"fa": _TEXT, "en": _TEXT}, "fa", "en")
    step = {
        "number": {"type": "integer", "minimum": min(Step), "maximum": max(Step)},
        "name": {"enum": [step.name.lower() for step in Step]},
        "outcome": {"enum": [outcome.value for outcome in StepOutcome]},
        "title": _ref("Words"),
    }
    receipt = {
        "code": _TEXT | {"pattern": "^[0-9A-Z]{10}$"},
        "time": _TIME,
        "policy": _TEXT,
        "outcome": _TEXT | {"description": "accepted, or the kind of the failure"},
        "site": _TEXT,
        "certificate_hash": {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"},
        "signed": {"type": ["string", "null"], "description": "The facts of this receipt as a compact JWS"},
        "failed_step": {"type": ["integer", "null"], "minimum": min(Step), "maximum": max(Step)},
        "title": _ref("Words"),
        "advice": _ref("Words"),
        "steps": _list(_object(step, *step)) | {"minItems": len(Step), "maxItems": len(Step)},
    }
    challenge = {
        "nonce": _TEXT | {"minLength": NONCE_LENGTH, "maxLength": NONCE_LENGTH},
        "origin": _TEXT,
        "expires_at": _TIME,
    }
    claims = {
        "identity_code": _TEXT,
        "national_code": _TEXT | {"pattern": "^[0-9]{10}$"},
        "given_name": _TEXT,
        "surname": _TEXT,
        "country": _TEXT,
    }
    login = {"claims": _object(claims, "identity_code"), "receipt": _ref("Receipt")}
    health = {"status": {"enum": ["ok", "degraded"]}, "degraded": _list(_TEXT)}
    return {
        "Words": words,
        "Receipt": _object(receipt, *receipt),
        "Challenge": _object(challenge, *challenge),
        "Login": _object(login, *login),
        "Health": _object(health, "status"),
        "Problem": _problem(),
        "WebEidToken": _token(),
    }


def _problem() -> Json:
    """RFC 9457."""
    members = {
        "type": _TEXT | {"pattern": "^urn:hoviat:problem:[a-z0-9-]+$"},
        "title": _TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": _TEXT,
        "receipt": _ref("Receipt"),
    }
    return _object(members, "type", "title", "status")


def _token() -> Json:
    signing = _object({"certificate": _BASE64, "intermediateCertificates": _list(_BASE64)}, "certificate")
    members = {
        "format": {"enum": ["web-eid:1", "web-eid:1.0", "web-eid:1.1"]},
        "algorithm": {"enum": [algorithm.value for algorithm in SignatureAlgorithm]},
        "unverifiedCertificate": _BASE64,
        "signature": _BASE64,
        "appVersion": _TEXT,
        INTERMEDIATES: _list(_BASE64),
        SIGNING_CERTIFICATES: _list(signing),
    }
    return _object(members, "format", "algorithm", "unverifiedCertificate", "signature")


def _object(members: Mapping[str, object], *required: str) -> Json:
    """Unknown members are ignored by whoever reads one."""
    return {"type": "object", "properties": dict(members), "required": list(required)}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _body(schema: Json) -> Json:
    return {"required": True, "content": {_JSON: {"schema": schema}}}


def _answer(status: HTTPStatus, why: str, schema: str) -> Json:
    return {str(status.value): {"description": why, "content": {_JSON: {"schema": _ref(schema)}}}}


def _problems(*statuses: HTTPStatus) -> Json:
    content = {PROBLEM: {"schema": _ref("Problem")}}
    return {
        str(status.value): {"description": _WHY[status], "content": content} for status in sorted(statuses)
    }
