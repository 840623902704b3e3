"""The clerks' pages as a whole: where they are, and what they show when something is refused."""

from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from issuance.errors import NotSignedInError
from issuance.lookups.errors import PurposeMissingError
from issuance.operators.errors import FreshProofNeededError, MethodNotAllowedError
from issuance.selfservice.errors import CitizenNotSignedInError
from issuance.web import application_pages, card_pages, citizen_pages, proof_pages, session_pages
from issuance.web.forms import ForeignFormError
from issuance.web.problems import Refusal, refusal
from issuance.web.rendering import STATIC, path_for, render
from issuance.web.titles import N_
from issuance.web.viewer import somebody, viewer

_STATIC = Path(__file__).parent / "static"
_PROGRAMS = ("/v1/", "/healthz", "/metrics", "/openapi.json")
"""Paths that programs ask for; the rest is for people."""

_HTTP_TITLES = {
    HTTPStatus.NOT_FOUND: N_("There is no such page"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: N_("The file is too large"),
}


def install(app: FastAPI) -> None:
    """Adds the pages and their static files."""
    for pages in (session_pages, proof_pages, application_pages, card_pages, citizen_pages):
        app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=_STATIC), name=STATIC)


def is_page(request: Request) -> bool:
    """Whether a person looks at it, and not a program."""
    return not _path(request).startswith(_PROGRAMS)


def _path(request: Request) -> str:
    return str(request.scope["path"]).removeprefix(str(request.scope.get("root_path", "")))


async def refuse(request: Request, error: Exception) -> Response:
    """A page that says why, the way to sign in, or the question who decides here."""
    if isinstance(error, FreshProofNeededError):
        try:
            return await proof_pages.ask_for_proof(request)
        except (ForeignFormError, NotSignedInError) as fault:
            return _refuse(request, fault)
    return _refuse(request, error)


def _refuse(request: Request, error: Exception) -> Response:
    if isinstance(error, CitizenNotSignedInError):
        return RedirectResponse(path_for(request, "my_record_login"), HTTPStatus.SEE_OTHER)
    if isinstance(error, NotSignedInError):
        return RedirectResponse(path_for(request, "login"), HTTPStatus.SEE_OTHER)
    if isinstance(error, MethodNotAllowedError) and error.enrols:
        return RedirectResponse(path_for(request, "second_factor"), HTTPStatus.SEE_OTHER)
    if isinstance(error, PurposeMissingError):
        back = quote(request.url.path, safe="")
        return RedirectResponse(f"{path_for(request, 'purpose')}?back={back}", HTTPStatus.SEE_OTHER)
    return _refused(request, refusal(error))


def http_error(request: Request, status: HTTPStatus) -> Response:
    """A page for what is not there or can't be read."""
    title = _HTTP_TITLES.get(status, N_("The request can't be read"))
    return _refused(request, Refusal(status, "http", title))


def _refused(request: Request, told: Refusal) -> Response:
    path = _path(request)
    citizens = path == citizen_pages.PREFIX or path.startswith(f"{citizen_pages.PREFIX}/")
    if citizens:
        return render(request, "citizen_refused.html", {"told": told, "actor": None}, told.status)
    actor = somebody(request)
    seen_by = {"actor": None} if actor is None else viewer(request, actor)
    return render(request, "refused.html", {"told": told, **seen_by}, told.status)
