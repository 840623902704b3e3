"""The work list, one application, and the decisions on it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from issuance.enrolment.endpoints import read_portrait
from issuance.enrolment.models import NOTE_LENGTH
from issuance.enrolment.portrait import MAX_BYTES
from issuance.enrolment.repository import count_by_state, find_applications
from issuance.enrolment.schemas import MOST_PAGES, SEARCH_LENGTH
from issuance.enrolment.service import Correction, NewApplication
from issuance.errors import CivilRegisterError, InvalidInputError, StateError
from issuance.lifecycle.states import ApplicationState
from issuance.lookups.endpoints import Cursor, read_lookups
from issuance.lookups.models import What
from issuance.lookups.service import Looker
from issuance.registry.dates import parse_date
from issuance.web.access import PageActor, Registry
from issuance.web.case import case_file
from issuance.web.forms import FormActor
from issuance.web.looks import Look, said_at_pages
from issuance.web.problems import Refusal, refusal
from issuance.web.rendering import path_for, render
from issuance.web.viewer import viewer

router = APIRouter(prefix="/applications", include_in_schema=False)

_Text = Annotated[str, Form(max_length=64)]
_Version = Annotated[int, Form(ge=1)]
"""What was looked at: nothing that was changed since is decided on unseen."""
_Note = Annotated[str, Form(max_length=4 * NOTE_LENGTH)]
"""One that is too long is shown again, so that it can be made shorter."""
_SHOWN = (InvalidInputError, StateError)
"""What is wrong with a form on an application's page: told there, with all that was typed."""


@router.get("", name="page.applications")
def work_list(
    request: Request,
    registry: Registry,
    look: Look,
    state: str = "",
    page: Annotated[int, Query(ge=1, le=MOST_PAGES)] = 1,
) -> Response:
    """Applications by state."""
    return _list(request, registry, look, state, "", page)


@router.post("")
def search(
    request: Request,
    registry: Registry,
    look: Look,
    _actor: FormActor,
    state: Annotated[str, Form(max_length=16)] = "",
    q: Annotated[str, Form(max_length=SEARCH_LENGTH)] = "",
    page: Annotated[int, Form(ge=1, le=MOST_PAGES)] = 1,
) -> Response:
    """Applications by state and words, which stand in no URL."""
    return _list(request, registry, look, state, q, page)


def _list(request: Request, registry: Registry, look: Looker, state: str, q: str, page: int) -> Response:
    wanted = ApplicationState(state) if state in list(ApplicationState) else None
    office = look.actor.confined_to
    with registry.lookups.looking(look) as looking:
        found = find_applications(looking.session, wanted, q, page, office)
        looking.saw_all(What.LIST, found.applications)
        counts = count_by_state(looking.session, office)
    context = {"found": found, "counts": counts, "wanted": wanted, "q": q, **viewer(request, look.actor)}
    return render(request, "list.html", context)


@router.get("/new", name="page.new_application")
def new_form(request: Request, actor: PageActor) -> Response:
    """The form for a new application."""
    return _new_form(request, actor, {}, None)


@router.post("/new")
def open_application(
    request: Request,
    registry: Registry,
    actor: FormActor,
    portrait: Annotated[UploadFile, File()],
    national_code: _Text = "",
    birth_date: _Text = "",
    latin_given_name: _Text = "",
    latin_surname: _Text = "",
) -> Response:
    """Opens a draft, or shows the form again with what is wrong."""
    typed = {
        "national_code": national_code,
        "birth_date": birth_date,
        "latin_given_name": latin_given_name,
        "latin_surname": latin_surname,
    }
    try:
        new = NewApplication(
            national_code,
            parse_date(birth_date),
            portrait.file.read(MAX_BYTES + 1),
            latin_given_name or None,
            latin_surname or None,
        )
        application = registry.enrolment.open(actor, new)
    except (InvalidInputError, CivilRegisterError, StateError) as error:
        return _new_form(request, actor, typed, refusal(error))
    return _back(request, application)


@router.get("/{application_id}", name="page.application")
def open_case(request: Request, registry: Registry, look: Look, application_id: str) -> Response:
    """One application: person, portrait, decisions, production, cards, history."""
    return _case(request, registry, look, application_id, {}, None)


@router.get("/{application_id}/portrait", name="page.portrait")
def portrait_image(registry: Registry, look: Look, application_id: str) -> Response:
    """The portrait."""
    return read_portrait(registry, look, application_id)


@router.get("/{application_id}/lookups", name="page.lookups")
def lookups(
    request: Request, registry: Registry, look: Look, application_id: str, cursor: Cursor = None
) -> Response:
    """Who looked at the applicant's record, to be printed and given to them."""
    found = read_lookups(registry, look, application_id, cursor)
    context = {"found": found, "application_id": application_id, **viewer(request, look.actor)}
    return render(request, "lookups.html", context)


@router.post("/{application_id}/correction", name="page.correct")
def correct(
    request: Request,
    registry: Registry,
    actor: FormActor,
    application_id: str,
    portrait: Annotated[UploadFile | None, File()] = None,
    latin_given_name: _Text = "",
    latin_surname: _Text = "",
) -> Response:
    """Changes what was returned, or a draft."""
    image = portrait.file.read(MAX_BYTES + 1) if portrait is not None and portrait.size else None
    correction = Correction(image, latin_given_name or None, latin_surname or None)
    typed = {"latin_given_name": latin_given_name, "latin_surname": latin_surname}
    try:
        registry.enrolment.correct(actor, application_id, correction)
    except _SHOWN as error:
        return _again(request, registry, actor, application_id, typed, error)
    return _back(request, application_id)


@router.post("/{application_id}/submission", name="page.submit")
def submit(request: Request, registry: Registry, actor: FormActor, application_id: str) -> Response:
    """Hands it over for approval."""
    registry.enrolment.submit(actor, application_id)
    return _back(request, application_id)


@router.post("/{application_id}/approval", name="page.approve")
def approve(
    request: Request, registry: Registry, actor: FormActor, application_id: str, version: _Version
) -> Response:
    """Approves what was on the page."""
    registry.approval.approve(actor, application_id, version)
    return _back(request, application_id)


@router.post("/{application_id}/return", name="page.send_back")
def send_back(
    request: Request,
    registry: Registry,
    actor: FormActor,
    application_id: str,
    version: _Version,
    note: _Note = "",
) -> Response:
    """Returns it to its author."""
    try:
        registry.approval.send_back(actor, application_id, note, version=version)
    except _SHOWN as error:
        return _again(request, registry, actor, application_id, {"note": note}, error)
    return _back(request, application_id)


@router.post("/{application_id}/refusal", name="page.refuse")
def refuse(
    request: Request,
    registry: Registry,
    actor: FormActor,
    application_id: str,
    version: _Version,
    note: _Note = "",
) -> Response:
    """Refuses it for good."""
    try:
        registry.approval.refuse(actor, application_id, note, version=version)
    except _SHOWN as error:
        return _again(request, registry, actor, application_id, {"note": note}, error)
    return _back(request, application_id)


def _case(
    request: Request,
    registry: Registry,
    look: Looker,
    application_id: str,
    typed: dict[str, str],
    told: Refusal | None,
) -> Response:
    shown = case_file(registry, look, application_id) | viewer(request, look.actor)
    status = HTTPStatus.OK if told is None else told.status
    return render(request, "application.html", {**shown, "typed": typed, "told": told}, status)


def _again(
    request: Request,
    registry: Registry,
    actor: PageActor,
    application_id: str,
    typed: dict[str, str],
    error: Exception,
) -> Response:
    look = Looker(actor, said_at_pages(request, actor.role))
    return _case(request, registry, look, application_id, typed, refusal(error))


def _back(request: Request, application_id: str) -> Response:
    return RedirectResponse(
        path_for(request, "application", application_id=application_id), HTTPStatus.SEE_OTHER
    )


def _new_form(request: Request, actor: PageActor, typed: dict[str, str], told: Refusal | None) -> Response:
    status = HTTPStatus.OK if told is None else told.status
    return render(request, "new.html", {"typed": typed, "told": told, **viewer(request, actor)}, status)
