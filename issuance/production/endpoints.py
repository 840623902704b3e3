"""/v1/applications/{id}/production, /v1/productions: making cards and watching it."""

import json
from collections.abc import AsyncIterator
from datetime import datetime

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import StreamingResponse

from issuance.production.service import ProductionView
from issuance.production.steps import ProductionState, Step, StepState
from issuance.production.watching import watch
from issuance.web.access import ApiActor, Registry
from issuance.web.schemas import Answer, Request

router = APIRouter(prefix="/v1", tags=["production"])

EVENT_STREAM = "text/event-stream"
_MAX_READER_NAME = 200


class ProductionBody(Request):
    """Where the card body is: the reader's full name."""

    reader: str = Field(min_length=1, max_length=_MAX_READER_NAME)


class FailureAnswer(Answer):
    """Why a run stopped."""

    kind: str
    detail: str


class StepAnswer(Answer):
    """The last try at one step."""

    step: Step
    state: StepState
    begun_at: datetime
    ended_at: datetime | None
    apdus: int


class ProductionAnswer(Answer):
    """A run."""

    id: str
    application_id: str
    card_number: str | None
    state: ProductionState
    reader: str
    attempts: int
    apdus: int
    failure: FailureAnswer | None
    started_at: datetime
    finished_at: datetime | None
    steps: list[StepAnswer]


def production_answer(view: ProductionView) -> ProductionAnswer:
    """The answer for a run."""
    failure = (
        None
        if view.failure_kind is None
        else FailureAnswer(kind=view.failure_kind, detail=view.failure_detail or "")
    )
    return ProductionAnswer(
        id=view.id,
        application_id=view.application_id,
        card_number=view.card_number,
        state=view.state,
        reader=view.reader,
        attempts=view.attempts,
        apdus=view.apdus,
        failure=failure,
        started_at=view.started_at,
        finished_at=view.finished_at,
        steps=[StepAnswer.model_validate(step) for step in view.steps],
    )


@router.get("/readers")
def list_readers(registry: Registry, actor: ApiActor) -> list[str]:
    """The readers of the operator's own office."""
    return list(registry.production.readers(actor))


@router.post("/applications/{application_id}/production", status_code=202)
def start(registry: Registry, actor: ApiActor, application_id: str, body: ProductionBody) -> ProductionAnswer:
    """Begins the run, or goes on with a torn one, in the background."""
    production_id = registry.production.start(actor, application_id, body.reader)
    return production_answer(registry.production.view(production_id))


@router.get("/productions/{production_id}")
def read(registry: Registry, _actor: ApiActor, production_id: str) -> ProductionAnswer:
    """The run as it stands."""
    return production_answer(registry.production.view(production_id))


@router.post("/productions/{production_id}/voiding")
def void(registry: Registry, actor: ApiActor, production_id: str) -> ProductionAnswer:
    """Gives a torn run up: certificates revoked, body waste."""
    registry.production.void(actor, production_id)
    return production_answer(registry.production.view(production_id))


@router.get(
    "/productions/{production_id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {EVENT_STREAM: {}}}},
)
def events(registry: Registry, _actor: ApiActor, production_id: str) -> StreamingResponse:
    """The run as server-sent events: `production` with each change, the last one when it stops."""
    registry.production.view(production_id)  # 404 before the stream begins
    return StreamingResponse(_stream(registry, production_id), media_type=EVENT_STREAM)


async def _stream(registry: Registry, production_id: str) -> AsyncIterator[str]:
    async for view in watch(registry.production, production_id):
        data = json.dumps(production_answer(view).model_dump(mode="json"))
        yield f"event: production\ndata: {data}\n\n"
