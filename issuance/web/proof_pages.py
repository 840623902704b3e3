"""Proving once more who one is before a decision, and the second factor itself."""

import base64
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from issuance.operators.errors import FactorStateError, WrongCodeError
from issuance.operators.service import Actor
from issuance.tracking import qrcode
from issuance.web.access import PageActor, Registry, registry_of, session_token
from issuance.web.cardforms import MAX_TOKEN, nonce_of, read_token
from issuance.web.clients import client_network
from issuance.web.forms import FormActor, own_origin, require_token
from issuance.web.problems import Refusal, refusal
from issuance.web.rendering import path_for, render
from issuance.web.session_pages import REFUSED, local_path
from issuance.web.viewer import viewer

router = APIRouter(include_in_schema=False)

Fields = list[tuple[str, str]]
_OURS = "proof_"
"""Begins the names of this page's own fields; the others are the waiting form's."""
_MAX_FIELDS = 40


class _Given:
    """The proof: a card's token, or the password and the code where there is one."""

    def __init__(
        self,
        proof_password: Annotated[str, Form(max_length=1024)] = "",
        proof_code: Annotated[str, Form(max_length=16)] = "",
        proof_token: Annotated[str, Form(max_length=MAX_TOKEN)] = "",
    ) -> None:
        self.password, self.code, self.token = proof_password, proof_code, proof_token


async def waiting_fields(request: Request) -> Fields:
    """The fields of the form that waits, without the token of forms, which each page has of its own."""
    form = await request.form(max_fields=_MAX_FIELDS)
    return [
        (name, value)
        for name, value in form.multi_items()
        if isinstance(value, str) and name != "csrf" and not name.startswith(_OURS)
    ]


async def ask_for_proof(request: Request) -> Response:
    """In the place of a decision whose proof is too old: asks for a new one, and keeps the form.

    Raises ForeignFormError: what another site sends doesn't become one of our own forms here.
    """
    session = session_token(request)
    own_origin(request)
    form = await request.form(max_fields=_MAX_FIELDS)
    require_token(session, str(form.get("csrf", "")))
    actor = registry_of(request).operators.actor(session)
    return _ask(request, actor, request.url.path, await waiting_fields(request), None)


@router.post("/proof", name="page.proof")
def prove(
    request: Request,
    registry: Registry,
    actor: FormActor,
    session: Annotated[str, Depends(session_token)],
    fields: Annotated[Fields, Depends(waiting_fields)],
    given: Annotated[_Given, Depends()],
    proof_action: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Makes the session's proof new, and has the browser send the waiting form to where it was going."""
    action = local_path(request, proof_action)
    try:
        if given.token:
            registry.card_login.prove(session, read_token(given.token), nonce_of(request))
        else:
            client = client_network(request)
            registry.operators.prove(session, given.password, client, given.code.strip() or None)
    except REFUSED as error:
        return _ask(request, actor, action, fields, refusal(error))
    return RedirectResponse(action, HTTPStatus.TEMPORARY_REDIRECT)  # 307: the same method and body


@router.get("/second-factor", name="page.second_factor")
def second_factor(request: Request, registry: Registry, actor: PageActor) -> Response:
    """What the account has, and the way to add what it lacks."""
    enrolled = registry.second_factors.is_enrolled(actor)
    return _factor(request, actor, {"enrolled": enrolled, "new": None, "waits": False}, None)


@router.post("/second-factor")
def begin_factor(
    request: Request,
    registry: Registry,
    actor: FormActor,
    password: Annotated[str, Form(max_length=1024)] = "",
) -> Response:
    """Shows the new key, this once."""
    try:
        new = registry.second_factors.begin(actor, password, client_network(request))
    except (*REFUSED, FactorStateError) as error:
        return _factor(request, actor, {"enrolled": False, "new": None, "waits": False}, refusal(error))
    image = base64.b64encode(qrcode.svg(new.uri)).decode()
    return _factor(request, actor, {"enrolled": False, "new": new, "image": image, "waits": True}, None)


@router.post("/second-factor/confirmation", name="page.first_code")
def confirm_factor(
    request: Request,
    registry: Registry,
    actor: FormActor,
    session: Annotated[str, Depends(session_token)],
    code: Annotated[str, Form(max_length=16)] = "",
) -> Response:
    """The first code. A wrong one is asked for again; the app has the key already."""
    try:
        registry.second_factors.confirm(session, code)
    except WrongCodeError as error:
        return _factor(request, actor, {"enrolled": False, "new": None, "waits": True}, refusal(error))
    except FactorStateError as error:
        return _factor(request, actor, {"enrolled": False, "new": None, "waits": False}, refusal(error))
    return RedirectResponse(path_for(request, "applications"), HTTPStatus.SEE_OTHER)


def _ask(request: Request, actor: Actor, action: str, fields: Fields, told: Refusal | None) -> Response:
    by_card = registry_of(request).card_login.is_set_up
    context = {"action": action, "fields": fields, "told": told, "by_card": by_card}
    status = HTTPStatus.FORBIDDEN if told is None else told.status
    return render(request, "proof.html", context | viewer(request, actor), status)


def _factor(request: Request, actor: Actor, shown: dict[str, object], told: Refusal | None) -> Response:
    status = HTTPStatus.OK if told is None else told.status
    return render(request, "factor.html", {"told": told, **shown, **viewer(request, actor)}, status)
