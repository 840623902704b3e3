"""Cards at the pages: a nonce that only this browser answers, and the token that its form brings."""

from fastapi import Request
from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

from issuance.bootstrap import Issuance
from issuance.errors import InvalidInputError
from issuance.operators.cardtokens import CardToken
from issuance.web.access import is_secure, registry_of

MAX_TOKEN = 40_000
"""Characters of a Web eID token in a form."""
_LIFE_SECONDS = 300
_MAX_NONCE = 256


def keep_nonce(registry: Issuance, nonce: str) -> Response:
    """Tells the nonce to the page, and ties it to the browser (ADR 6)."""
    response = JSONResponse({"nonce": nonce})
    response.set_cookie(
        _cookie(registry),
        nonce,
        max_age=_LIFE_SECONDS,
        path="/",
        secure=is_secure(registry),
        httponly=True,
        samesite="strict",
    )
    return response


def nonce_of(request: Request) -> str:
    """The nonce that this browser was given. Raises InvalidInputError."""
    nonce = request.cookies.get(_cookie(registry_of(request)), "")
    if not 0 < len(nonce) <= _MAX_NONCE:
        raise InvalidInputError("this browser asked for no challenge, or too long ago")
    return nonce


def forget_nonce(registry: Issuance, response: Response) -> Response:
    """It has served."""
    name, secure = _cookie(registry), is_secure(registry)
    response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="strict")
    return response


def read_token(text: str) -> dict[str, object]:
    """A form's Web eID token. Raises InvalidInputError."""
    try:
        return CardToken.model_validate_json(text).as_received()
    except ValidationError:
        raise InvalidInputError("this is no card's answer") from None


def _cookie(registry: Issuance) -> str:
    return "__Host-hoviat-nonce" if is_secure(registry) else "hoviat-nonce"
