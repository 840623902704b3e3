"""/v1/applications/{id}/lookups: who looked at the applicant's record, to be told at the counter."""

from datetime import datetime

from fastapi import APIRouter

from issuance.enrolment.repository import get_application
from issuance.lookups.models import What
from issuance.lookups.purposes import Purpose
from issuance.lookups.service import LookView
from issuance.web.access import Registry
from issuance.web.days import Moment
from issuance.web.looks import Look
from issuance.web.schemas import Answer

router = APIRouter(prefix="/v1/applications", tags=["lookups"])


class LookAnswer(Answer):
    """One look: the office and role, not the clerk."""

    at: datetime
    office: str
    role: str
    purpose: Purpose
    case_number: str | None
    what: What


class LooksAnswer(Answer):
    """The newest hundred, newest first; `before` the last one's time come the next."""

    lookups: list[LookAnswer]


def looks_answer(looks: list[LookView]) -> LooksAnswer:
    """The answer for these looks."""
    return LooksAnswer(lookups=[LookAnswer.model_validate(look) for look in looks])


@router.get("/{application_id}/lookups")
def read_lookups(
    registry: Registry, look: Look, application_id: str, before: Moment | None = None
) -> LooksAnswer:
    """Who looked at this person's record, in any office; this look is the next one."""
    with registry.lookups.looking(look) as looking:
        person = get_application(looking.session, application_id).national_code
        looking.saw(What.LOOKUPS, person, application_id)
    return looks_answer(registry.lookups.at_person(person, before))
