"""A citizen's own pages: logging in with the national card, and who looked at their record."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from pydantic import ValidationError
from starlette.responses import JSONResponse, RedirectResponse, Response

from issuance.errors import InvalidInputError
from issuance.lookups.endpoints import Cursor
from issuance.operators.cardtokens import CardToken
from issuance.operators.errors import CardLoginNotSetUpError, CardLoginUnavailableError, CardRefusedError
from issuance.selfservice.endpoints import read_own_lookups, read_own_record
from issuance.selfservice.errors import NoRecordError
from issuance.selfservice.service import SESSION_LIFE
from issuance.web.access import (
    CitizenHolder,
    Registry,
    citizen_cookie_name,
    citizen_session_token,
    csrf_token,
    is_secure,
)
from issuance.web.forms import FormCitizen, own_origin
from issuance.web.problems import Refusal, refusal
from issuance.web.rendering import path_for, render

PREFIX = "/my-record"
router = APIRouter(prefix=PREFIX, include_in_schema=False)

_NONCE_COOKIE = "hoviat-citizen-nonce"
_NONCE_SECONDS = 300
_TOKEN_LENGTH = 60_000


@router.get("", name="page.my_record")
def my_record(
    request: Request,
    registry: Registry,
    holder: CitizenHolder,
    session: Annotated[str, Depends(citizen_session_token)],
    cursor: Cursor = None,
) -> Response:
    """The citizen's record in short, and a page of looks at it."""
    context = {
        "record": read_own_record(registry, holder) if cursor is None else None,
        "found": read_own_lookups(registry, holder, cursor),
        "csrf": csrf_token(session),
        "actor": None,
    }
    return render(request, "my_record.html", context)


@router.get("/login", name="page.my_record_login")
def login_form(request: Request) -> Response:
    """The page with the button."""
    return _form(request, None)


@router.post("/challenges", name="page.my_record_challenge")
def challenge(registry: Registry, _own: Annotated[None, Depends(own_origin)]) -> Response:
    """A nonce for the card to sign, kept in a cookie: no other browser can answer it."""
    try:
        given = registry.citizen_login.challenge()
    except (CardLoginNotSetUpError, CardLoginUnavailableError) as error:
        return JSONResponse({}, refusal(error).status)
    response = JSONResponse({"nonce": given.nonce}, HTTPStatus.CREATED)
    _set(response, registry, _NONCE_COOKIE, given.nonce, _NONCE_SECONDS)
    return response


@router.post("/login")
def sign_in(
    request: Request,
    registry: Registry,
    _own: Annotated[None, Depends(own_origin)],
    token: Annotated[str, Form(max_length=_TOKEN_LENGTH)] = "",
) -> Response:
    """Opens a session under a fresh identifier; the browser's nonce is gone, whatever comes of it."""
    try:
        opened = registry.citizen_login.sign_in(_parsed(token), request.cookies.get(_NONCE_COOKIE, ""))
    except (
        CardLoginNotSetUpError,
        CardLoginUnavailableError,
        CardRefusedError,
        NoRecordError,
        InvalidInputError,
    ) as error:
        response = _form(request, refusal(error))
    else:
        response = RedirectResponse(path_for(request, "my_record"), HTTPStatus.SEE_OTHER)
        seconds = int(SESSION_LIFE.total_seconds())
        _set(response, registry, citizen_cookie_name(registry), opened, seconds)
    _drop(response, registry, _NONCE_COOKIE)
    return response


@router.post("/logout", name="page.my_record_logout")
def sign_out(
    request: Request,
    registry: Registry,
    _holder: FormCitizen,
    session: Annotated[str, Depends(citizen_session_token)],
) -> Response:
    """Ends the session."""
    registry.citizen_login.sign_out(session)
    response = RedirectResponse(path_for(request, "my_record_login"), HTTPStatus.SEE_OTHER)
    _drop(response, registry, citizen_cookie_name(registry))
    return response


def _parsed(token: str) -> dict[str, object]:
    try:
        return CardToken.model_validate_json(token).as_received()
    except ValidationError:
        raise InvalidInputError("this is no token of a card") from None


def _form(request: Request, told: Refusal | None) -> Response:
    status = HTTPStatus.OK if told is None else told.status
    return render(request, "my_record_login.html", {"told": told, "actor": None}, status)


def _set(response: Response, registry: Registry, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        secure=is_secure(registry),
        httponly=True,
        samesite="strict",
    )


def _drop(response: Response, registry: Registry, name: str) -> None:
    response.delete_cookie(name, path="/", secure=is_secure(registry), httponly=True, samesite="strict")
