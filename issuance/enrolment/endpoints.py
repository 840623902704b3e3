"""/v1/applications: enrolling and looking up."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from issuance.enrolment.repository import find_applications, get_application
from issuance.enrolment.schemas import (
    ApplicationAnswer,
    CorrectionBody,
    NewApplicationBody,
    PageAnswer,
    application_answer,
)
from issuance.enrolment.service import Correction, NewApplication
from issuance.lifecycle.states import ApplicationState
from issuance.web.access import ApiActor, Registry

router = APIRouter(prefix="/v1/applications", tags=["applications"])


def answer(registry: Registry, application_id: str) -> ApplicationAnswer:
    """The application as it stands now."""
    with registry.database.reading() as session:
        return application_answer(get_application(session, application_id))


@router.post("", status_code=201)
def open_application(registry: Registry, actor: ApiActor, body: NewApplicationBody) -> ApplicationAnswer:
    """Opens a draft for a person whom the civil register confirms."""
    new = NewApplication(
        body.national_code, body.birth_date, body.portrait, body.latin_given_name, body.latin_surname
    )
    return answer(registry, registry.enrolment.open(actor, new))


@router.get("")
def list_applications(
    registry: Registry,
    _actor: ApiActor,
    state: ApplicationState | None = None,
    q: Annotated[str, Query(max_length=64)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> PageAnswer:
    """Applications by state and words."""
    with registry.database.reading() as session:
        found = find_applications(session, state, q, page)
        rows = [application_answer(application) for application in found.applications]
    return PageAnswer(applications=rows, page=page, pages=found.pages, total=found.total)


@router.get("/{application_id}")
def read_application(registry: Registry, _actor: ApiActor, application_id: str) -> ApplicationAnswer:
    """One application."""
    return answer(registry, application_id)


@router.get("/{application_id}/portrait")
def read_portrait(registry: Registry, _actor: ApiActor, application_id: str) -> Response:
    """Its portrait, JPEG."""
    with registry.database.reading() as session:
        return Response(get_application(session, application_id).portrait, media_type="image/jpeg")


@router.patch("/{application_id}")
def correct_application(
    registry: Registry, actor: ApiActor, application_id: str, body: CorrectionBody
) -> ApplicationAnswer:
    """Corrects a draft or returned application."""
    correction = Correction(body.portrait, body.latin_given_name, body.latin_surname)
    registry.enrolment.correct(actor, application_id, correction)
    return answer(registry, application_id)


@router.post("/{application_id}/submission")
def submit(registry: Registry, actor: ApiActor, application_id: str) -> ApplicationAnswer:
    """Hands it over for approval."""
    registry.enrolment.submit(actor, application_id)
    return answer(registry, application_id)
