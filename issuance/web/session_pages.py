"""Signing in and out, and choosing a language."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from issuance.errors import InvalidInputError, LoginRefusedError, LoginThrottledError
from issuance.lookups.purposes import Said, parse
from issuance.operators.errors import (
    CardLoginNotSetUpError,
    CardLoginUnavailableError,
    CardRefusedError,
    MethodNotAllowedError,
)
from issuance.operators.models import USERNAME_LENGTH
from issuance.operators.service import SESSION_LIFE
from issuance.web.access import PageActor, Registry, cookie_name, is_secure, session_token
from issuance.web.cardforms import MAX_TOKEN, forget_nonce, keep_nonce, nonce_of, read_token
from issuance.web.clients import client_network
from issuance.web.forms import FormActor, own_origin
from issuance.web.i18n import COOKIE, LANGUAGES
from issuance.web.looks import COOKIE as PURPOSE_COOKIE
from issuance.web.looks import as_cookie
from issuance.web.permissions import PERMISSIONS
from issuance.web.problems import Refusal, refusal
from issuance.web.rendering import path_for, render
from issuance.web.viewer import somebody, viewer

router = APIRouter(include_in_schema=False)

_A_YEAR = 365 * 24 * 3600
_MOST_TYPED = 200
"""More than a case's number has, so that one that is too long is shown again."""


@router.get("/", name="page.home")
def home(request: Request) -> Response:
    """The work list; for who has none, a page that says so and lets them out again."""
    actor = somebody(request)
    if actor is None or actor.role in PERMISSIONS["GET /applications"].roles:
        return RedirectResponse(path_for(request, "applications"), HTTPStatus.SEE_OTHER)
    return render(request, "home.html", viewer(request, actor))


REFUSED = (
    CardLoginNotSetUpError,
    CardLoginUnavailableError,
    CardRefusedError,
    InvalidInputError,
    LoginRefusedError,
    LoginThrottledError,
    MethodNotAllowedError,
)
"""What is told in the form that asked for a proof."""


@router.get("/login", name="page.login")
def login_form(request: Request, registry: Registry) -> Response:
    """The form."""
    return _form(request, registry, None, HTTPStatus.OK)


@router.post("/login")
def sign_in(
    request: Request,
    registry: Registry,
    _own: Annotated[None, Depends(own_origin)],
    username: Annotated[str, Form(max_length=USERNAME_LENGTH)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    code: Annotated[str, Form(max_length=16)] = "",
) -> Response:
    """Opens a session under a fresh identifier, whatever cookie came along."""
    client = client_network(request)
    try:
        token = registry.operators.sign_in(username.strip(), password, client, code.strip() or None)
    except REFUSED as error:
        return _form(request, registry, refusal(error), refusal(error).status, username)
    return _signed_in(request, registry, token)


@router.post("/card-challenges", name="page.card_challenge")
def card_challenge(registry: Registry, _own: Annotated[None, Depends(own_origin)]) -> Response:
    """What an operator's card has to sign; this browser alone answers it."""
    return keep_nonce(registry, registry.card_login.challenge().nonce)


@router.post("/login/card", name="page.login_card")
def sign_in_with_card(
    request: Request,
    registry: Registry,
    _own: Annotated[None, Depends(own_origin)],
    token: Annotated[str, Form(max_length=MAX_TOKEN)] = "",
) -> Response:
    """Opens the session of the operator whose card signed this browser's challenge."""
    try:
        session = registry.card_login.sign_in(read_token(token), nonce_of(request))
    except REFUSED as error:
        return _form(request, registry, refusal(error), refusal(error).status)
    return forget_nonce(registry, _signed_in(request, registry, session))


@router.post("/logout", name="page.logout")
def sign_out(
    request: Request,
    registry: Registry,
    _actor: FormActor,
    session: Annotated[str, Depends(session_token)],
) -> Response:
    """Ends the session."""
    registry.operators.sign_out(session)
    response = RedirectResponse(path_for(request, "login"), HTTPStatus.SEE_OTHER)
    for name in (cookie_name(registry), PURPOSE_COOKIE):
        response.delete_cookie(name, path="/", secure=is_secure(registry), httponly=True, samesite="strict")
    return response


@router.get("/failed-tries", name="page.failed_tries")
def failed_tries(
    request: Request,
    registry: Registry,
    actor: PageActor,
    session: Annotated[str, Depends(session_token)],
) -> Response:
    """What had failed at the account before its holder signed in."""
    failed = registry.operators.failed_before(session)
    return render(request, "failed_tries.html", {"failed": failed, **viewer(request, actor)})


@router.get("/purpose", name="page.purpose")
def purpose_form(request: Request, actor: PageActor, back: str = "") -> Response:
    """Asks why records are looked at."""
    return _purpose(request, actor, local_path(request, back), None, None)


@router.post("/purpose")
def choose_purpose(
    request: Request,
    registry: Registry,
    actor: FormActor,
    purpose: Annotated[str, Form(max_length=24)] = "",
    case: Annotated[str, Form(max_length=_MOST_TYPED)] = "",
    back: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """From now on this browser looks at records for this purpose; or the form again, with what is wrong."""
    goes_on = local_path(request, back)
    try:
        said = parse(f"{purpose}; case={case.strip()}" if case.strip() else purpose)
    except InvalidInputError as error:
        return _purpose(request, actor, goes_on, (purpose, case), refusal(error))
    response = RedirectResponse(goes_on, HTTPStatus.SEE_OTHER)
    kept = as_cookie(said)
    response.set_cookie(
        PURPOSE_COOKIE, kept, path="/", secure=is_secure(registry), httponly=True, samesite="strict"
    )
    return response


@router.get("/language/{code}", name="page.language")
def choose_language(request: Request, registry: Registry, code: str, back: str = "") -> Response:
    """Remembers the language and goes back to the page."""
    response = RedirectResponse(local_path(request, back), HTTPStatus.SEE_OTHER)
    if code in LANGUAGES:
        response.set_cookie(
            COOKIE,
            code,
            max_age=_A_YEAR,
            path="/",
            secure=is_secure(registry),
            httponly=True,
            samesite="strict",
        )
    return response


def _purpose(
    request: Request, actor: PageActor, back: str, typed: tuple[str, str] | None, told: Refusal | None
) -> Response:
    seen_by = viewer(request, actor)
    said = seen_by["said"]
    if typed is None:
        typed = (said.purpose.value, said.case or "") if isinstance(said, Said) else ("", "")
    context = {"back": back, "purpose": typed[0], "case": typed[1], "told": told, **seen_by}
    return render(request, "purpose.html", context, HTTPStatus.OK if told is None else told.status)


def local_path(request: Request, path: str) -> str:
    """The path, if it is a page of ours; else the first page. Nothing redirects to elsewhere."""
    own = str(request.scope.get("root_path", "")) + "/"
    safe = path.startswith(own) and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if safe else path_for(request, "applications")


def _signed_in(request: Request, registry: Registry, token: str) -> Response:
    role = registry.operators.actor(token).role
    page = "applications" if role in PERMISSIONS["GET /applications"].roles else "home"
    if registry.operators.failed_before(token).tries:
        page = "failed_tries"
    response = RedirectResponse(path_for(request, page), HTTPStatus.SEE_OTHER)
    response.set_cookie(
        cookie_name(registry),
        token,
        max_age=int(SESSION_LIFE.total_seconds()),
        path="/",
        secure=is_secure(registry),
        httponly=True,
        samesite="strict",
    )
    return response


def _form(
    request: Request, registry: Registry, told: Refusal | None, status: HTTPStatus, username: str = ""
) -> Response:
    by_card = registry.card_login.is_set_up
    context = {"told": told, "actor": None, "by_card": by_card, "username": username}
    return render(request, "login.html", context, status)
