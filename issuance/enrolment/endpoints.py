"""/v1/applications: enrolling, editing and looking up."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from issuance.enrolment.confirmation import answers_of
from issuance.enrolment.repository import find_applications, get_application
from issuance.enrolment.schemas import (
    MOST_PAGES,
    AcceptedAnswer,
    ApplicationAnswer,
    CorrectionBody,
    LeaseBody,
    NewApplicationBody,
    PageAnswer,
    RegisterAnswersAnswer,
    SearchBody,
    SeenBody,
    application_answer,
    register_answer,
)
from issuance.enrolment.service import Correction, NewApplication
from issuance.lifecycle.states import ApplicationState
from issuance.lookups.models import What
from issuance.lookups.service import Looker
from issuance.web.access import ApiActor, Registry
from issuance.web.looks import Look

router = APIRouter(prefix="/v1/applications", tags=["applications"])


def answer(registry: Registry, application_id: str) -> ApplicationAnswer:
    """The application as it stands now."""
    with registry.database.reading() as session:
        return application_answer(get_application(session, application_id))


@router.post("", status_code=201)
def open_application(registry: Registry, actor: ApiActor, body: NewApplicationBody) -> ApplicationAnswer:
    """Opens a draft for a person whom the civil register confirms."""
    new = NewApplication(
        body.national_code,
        body.birth_date,
        body.portrait,
        body.latin_given_name,
        body.latin_surname,
        body.kind,
        body.cause,
        tuple(each.shown() for each in body.evidence),
    )
    return answer(registry, registry.enrolment.open(actor, new))


@router.get("")
def list_applications(
    registry: Registry,
    look: Look,
    state: ApplicationState | None = None,
    page: Annotated[int, Query(ge=1, le=MOST_PAGES)] = 1,
) -> PageAnswer:
    """Applications of the operator's office by state. Who looks for a person searches."""
    return _found(registry, look, state, "", page)


@router.post("/searches")
def search_applications(registry: Registry, look: Look, body: SearchBody) -> PageAnswer:
    """The same by words of the body: what is looked for is in no URL, and so in no log of one."""
    return _found(registry, look, body.state, body.words, body.page)


def _found(
    registry: Registry, look: Looker, state: ApplicationState | None, words: str, page: int
) -> PageAnswer:
    with registry.lookups.looking(look) as looking:
        found = find_applications(looking.session, state, words, page, look.actor.confined_to)
        looking.saw_all(What.LIST, found.applications)
        rows = [application_answer(application) for application in found.applications]
    return PageAnswer(applications=rows, page=page, pages=found.pages, total=found.total)


@router.get("/{application_id}")
def read_application(registry: Registry, look: Look, application_id: str) -> ApplicationAnswer:
    """One application."""
    with registry.lookups.looking(look) as looking:
        application = get_application(looking.session, application_id)
        looking.saw_all(What.APPLICATION, [application])
        return application_answer(application)


@router.get(
    "/{application_id}/portrait", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}}
)
def read_portrait(registry: Registry, look: Look, application_id: str) -> Response:
    """Its portrait, JPEG."""
    with registry.lookups.looking(look) as looking:
        application = get_application(looking.session, application_id)
        looking.saw_all(What.PORTRAIT, [application])
        return Response(application.portrait, media_type="image/jpeg")


@router.patch("/{application_id}")
def correct_application(
    registry: Registry, actor: ApiActor, application_id: str, body: CorrectionBody
) -> ApplicationAnswer:
    """Corrects a draft or returned application; with `version`, only what was looked at."""
    evidence = tuple(each.shown() for each in body.evidence)
    correction = Correction(body.portrait, body.latin_given_name, body.latin_surname, evidence, body.version)
    registry.enrolment.correct(actor, application_id, correction)
    return answer(registry, application_id)


@router.get("/{application_id}/register-answers")
def register_answers(registry: Registry, look: Look, application_id: str) -> RegisterAnswersAnswer:
    """What the civil register said of this person, each time it was asked."""
    with registry.lookups.looking(look) as looking:
        looking.saw_all(What.REGISTER_ANSWERS, [get_application(looking.session, application_id)])
        answers = [register_answer(each) for each in answers_of(looking.session, application_id)]
    return RegisterAnswersAnswer(answers=answers)


@router.post("/{application_id}/register-answers")
def accept_record(
    registry: Registry, actor: ApiActor, application_id: str, body: SeenBody | None = None
) -> AcceptedAnswer:
    """Asks the civil register now, and takes over what it says."""
    changed = registry.enrolment.accept_record(actor, application_id, None if body is None else body.version)
    return AcceptedAnswer(changed=list(changed), application=answer(registry, application_id))


@router.post("/{application_id}/lease", status_code=204)
def hold(registry: Registry, actor: ApiActor, application_id: str, body: LeaseBody | None = None) -> None:
    """Opens it for editing, so that nobody else does."""
    if body is not None and body.take_over:
        registry.enrolment.take_over(actor, application_id)
    else:
        registry.enrolment.hold(actor, application_id)


@router.delete("/{application_id}/lease", status_code=204)
def give_back(registry: Registry, actor: ApiActor, application_id: str) -> None:
    """Closes it again."""
    registry.enrolment.give_back(actor, application_id)


@router.post("/{application_id}/submission")
def submit(
    registry: Registry, actor: ApiActor, application_id: str, body: SeenBody | None = None
) -> ApplicationAnswer:
    """Hands it over for approval."""
    registry.enrolment.submit(actor, application_id, None if body is None else body.version)
    return answer(registry, application_id)


@router.post("/{application_id}/withdrawal")
def withdraw(
    registry: Registry, actor: ApiActor, application_id: str, body: SeenBody | None = None
) -> ApplicationAnswer:
    """Ends it at the citizen's wish."""
    registry.enrolment.withdraw(actor, application_id, None if body is None else body.version)
    return answer(registry, application_id)
