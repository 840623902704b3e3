"""/v1/applications/{id}/approval, /return, /refusal; /v1/approval-batches."""

from datetime import datetime

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from pydantic import Field, SecretStr

from issuance.approval.batches import MOST_ITEMS, BatchView
from issuance.approval.reasons import Reason
from issuance.approval.stepup import Proof
from issuance.enrolment.endpoints import answer
from issuance.enrolment.models import NOTE_LENGTH
from issuance.enrolment.schemas import ApplicationAnswer, Version
from issuance.identifiers import LENGTH
from issuance.web.access import ApiActor, Registry
from issuance.web.clients import client_network
from issuance.web.schemas import Answer, Request

router = APIRouter(prefix="/v1", tags=["approval"])


class ApprovalBody(Request):
    """What was looked at, and a remark if there is one."""

    version: Version | None = None
    note: str = Field(default="", max_length=NOTE_LENGTH)


class NoteBody(ApprovalBody):
    """Why it is returned or refused: coded reasons, a remark, or both."""

    reasons: list[Reason] = Field(default=[], max_length=len(Reason))


class BatchItemBody(Request):
    """One application as it was looked at."""

    id: str = Field(min_length=LENGTH, max_length=LENGTH)
    version: Version


class BatchBody(Request):
    """What is to be approved at once."""

    items: list[BatchItemBody] = Field(min_length=1, max_length=MOST_ITEMS)


class ConfirmationBody(Request):
    """The operator's own password."""

    password: SecretStr = Field(max_length=1024)


class BatchItemAnswer(Answer):
    """How one application went: `approved`, the kind of the refusal, or nothing yet."""

    id: str
    version: int
    outcome: str | None


class BatchAnswer(Answer):
    """A batch; `digest` is the SHA-256 of what a confirmation means."""

    id: str
    digest: str
    expires_at: datetime
    confirmed_at: datetime | None
    items: list[BatchItemAnswer]


@router.post("/applications/{application_id}/approval")
def approve(
    registry: Registry, actor: ApiActor, application_id: str, body: ApprovalBody | None = None
) -> ApplicationAnswer:
    """Approves what somebody else enrolled."""
    said = body or ApprovalBody()
    registry.approval.approve(actor, application_id, said.version, said.note)
    return answer(registry, application_id)


@router.post("/applications/{application_id}/return")
def send_back(registry: Registry, actor: ApiActor, application_id: str, body: NoteBody) -> ApplicationAnswer:
    """Returns it to be corrected."""
    registry.approval.send_back(actor, application_id, body.note, body.reasons, body.version)
    return answer(registry, application_id)


@router.post("/applications/{application_id}/refusal")
def refuse(registry: Registry, actor: ApiActor, application_id: str, body: NoteBody) -> ApplicationAnswer:
    """Refuses it for good."""
    registry.approval.refuse(actor, application_id, body.note, body.reasons, body.version)
    return answer(registry, application_id)


@router.post("/approval-batches", status_code=201)
def propose(registry: Registry, actor: ApiActor, body: BatchBody) -> BatchAnswer:
    """Fixes which applications are to be approved, in the versions that were looked at."""
    return _answer(registry.batches.propose(actor, [(item.id, item.version) for item in body.items]))


@router.get("/approval-batches/{batch_id}")
def read_batch(registry: Registry, actor: ApiActor, batch_id: str) -> BatchAnswer:
    """One's own batch, and how each of its applications went."""
    return _answer(registry.batches.view(actor, batch_id))


@router.post("/approval-batches/{batch_id}/confirmation")
def confirm(
    request: HttpRequest, registry: Registry, actor: ApiActor, batch_id: str, body: ConfirmationBody
) -> BatchAnswer:
    """Proves once more who one is, and approves them."""
    proof = Proof(body.password.get_secret_value(), client_network(request))
    return _answer(registry.batches.confirm(actor, batch_id, proof))


def _answer(batch: BatchView) -> BatchAnswer:
    items = [
        BatchItemAnswer(id=item.application_id, version=item.version, outcome=item.outcome)
        for item in batch.items
    ]
    return BatchAnswer(
        id=batch.id,
        digest=batch.digest.hex(),
        expires_at=batch.expires_at,
        confirmed_at=batch.confirmed_at,
        items=items,
    )
