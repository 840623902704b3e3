"""/v1/applications/{id}/approval, /return, /refusal."""

from fastapi import APIRouter
from pydantic import Field

from issuance.enrolment.endpoints import answer
from issuance.enrolment.models import NOTE_LENGTH
from issuance.enrolment.schemas import ApplicationAnswer
from issuance.web.access import ApiActor, Registry
from issuance.web.schemas import Request

router = APIRouter(prefix="/v1/applications", tags=["approval"])


class NoteBody(Request):
    """Why it is returned or refused."""

    note: str = Field(min_length=1, max_length=NOTE_LENGTH)


@router.post("/{application_id}/approval")
def approve(registry: Registry, actor: ApiActor, application_id: str) -> ApplicationAnswer:
    """Approves what somebody else enrolled."""
    registry.approval.approve(actor, application_id)
    return answer(registry, application_id)


@router.post("/{application_id}/return")
def send_back(registry: Registry, actor: ApiActor, application_id: str, body: NoteBody) -> ApplicationAnswer:
    """Returns it to be corrected."""
    registry.approval.send_back(actor, application_id, body.note)
    return answer(registry, application_id)


@router.post("/{application_id}/refusal")
def refuse(registry: Registry, actor: ApiActor, application_id: str, body: NoteBody) -> ApplicationAnswer:
    """Refuses it for good."""
    registry.approval.refuse(actor, application_id, body.note)
    return answer(registry, application_id)
