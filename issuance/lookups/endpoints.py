"""/v1/applications/{id}/lookups: who looked at the applicant's record, to be told at the counter."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from issuance.enrolment.repository import get_application
from issuance.lookups.models import What
from issuance.lookups.purposes import Purpose
from issuance.lookups.service import LooksPage
from issuance.web.access import Registry
from issuance.web.looks import Look
from issuance.web.schemas import Answer

router = APIRouter(prefix="/v1/applications", tags=["lookups"])


class LookAnswer(Answer):
    """One look: the office and role, not the clerk."""

    at: datetime
    office: str
    persian_office: str
    latin_office: str
    role: str
    purpose: Purpose
    case_number: str | None
    what: What


class LooksAnswer(Answer):
    """A hundred, newest first; `cursor` leads to the next."""

    lookups: list[LookAnswer]
    cursor: str | None


Cursor = Annotated[str | None, Query(max_length=40)]
"""As the answer before gave it."""


def looks_answer(page: LooksPage) -> LooksAnswer:
    """The answer for these looks."""
    return LooksAnswer(lookups=[LookAnswer.model_validate(look) for look in page.looks], cursor=page.cursor)


@router.get("/{application_id}/lookups")
def read_lookups(registry: Registry, look: Look, application_id: str, cursor: Cursor = None) -> LooksAnswer:
    """Who looked at this person's record, in any office; this look is the next one."""
    with registry.lookups.looking(look) as looking:
        person = get_application(looking.session, application_id).national_code
        looking.saw(What.LOOKUPS, person, application_id)
    return looks_answer(registry.lookups.at_person(person, cursor))
