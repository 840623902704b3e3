"""/v1/batch-runs: many readers at the queue."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import StreamingResponse

from issuance.batchruns.service import BatchRunView
from issuance.batchruns.states import ENDED, BatchRunState, ReaderState
from issuance.production.endpoints import EVENT_STREAM
from issuance.production.models import READER_LENGTH
from issuance.production.service import STATIONS
from issuance.production.watching import changes
from issuance.web.access import ApiActor, Registry
from issuance.web.schemas import Answer, Request

router = APIRouter(prefix="/v1/batch-runs", tags=["batch production"])

_Reader = Annotated[str, Field(min_length=1, max_length=READER_LENGTH)]


class BatchRunBody(Request):
    """The readers' full names."""

    readers: list[_Reader] = Field(min_length=1, max_length=STATIONS)


class ReaderAnswer(Answer):
    """One reader of a batch run."""

    reader: str
    state: ReaderState
    produced: int
    production_id: str | None
    failure_kind: str | None
    failure_detail: str | None


class BatchRunAnswer(Answer):
    """A batch run."""

    id: str
    office: str
    state: BatchRunState
    lost: bool
    produced: int
    started_by: str
    started_at: datetime
    ended_at: datetime | None
    readers: list[ReaderAnswer]


@router.get("")
def list_latest(registry: Registry, actor: ApiActor) -> list[BatchRunAnswer]:
    """The newest runs of the operator's office."""
    return [_answer(view) for view in registry.batch_runs.latest(actor)]


@router.post("", status_code=202)
def start(registry: Registry, actor: ApiActor, body: BatchRunBody) -> BatchRunAnswer:
    """Lets these readers work through the queue."""
    return _read(registry, actor, registry.batch_runs.start(actor, body.readers))


@router.get("/{batch_run_id}")
def read(registry: Registry, actor: ApiActor, batch_run_id: str) -> BatchRunAnswer:
    """The run as it stands."""
    return _read(registry, actor, batch_run_id)


@router.post("/{batch_run_id}/pause")
def pause(registry: Registry, actor: ApiActor, batch_run_id: str) -> BatchRunAnswer:
    """The cards at hand are finished, and no other begun."""
    registry.batch_runs.pause(actor, batch_run_id)
    return _read(registry, actor, batch_run_id)


@router.post("/{batch_run_id}/resumption")
def resume(registry: Registry, actor: ApiActor, batch_run_id: str) -> BatchRunAnswer:
    """Goes on, with the readers that stopped."""
    registry.batch_runs.resume(actor, batch_run_id)
    return _read(registry, actor, batch_run_id)


@router.post("/{batch_run_id}/cancellation")
def cancel(registry: Registry, actor: ApiActor, batch_run_id: str) -> BatchRunAnswer:
    """Ends it once the cards at hand are finished."""
    registry.batch_runs.cancel(actor, batch_run_id)
    return _read(registry, actor, batch_run_id)


@router.get(
    "/{batch_run_id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {EVENT_STREAM: {}}}},
)
def events(registry: Registry, actor: ApiActor, batch_run_id: str) -> StreamingResponse:
    """The run as server-sent events: `batch-run` with each change, the last one when it has ended."""
    registry.batch_runs.view(actor, batch_run_id)  # 404 before the stream begins
    return StreamingResponse(_stream(registry, actor, batch_run_id), media_type=EVENT_STREAM)


async def _stream(registry: Registry, actor: ApiActor, batch_run_id: str) -> AsyncIterator[str]:
    look = partial(registry.batch_runs.view, actor, batch_run_id)
    async for view in changes(registry.production.progress, look, _moves):
        data = json.dumps(_answer(view).model_dump(mode="json"))
        yield f"event: batch-run\ndata: {data}\n\n"


def _moves(view: BatchRunView) -> bool:
    at_work = any(reader.state is ReaderState.WORKING for reader in view.readers)
    return not view.lost and (at_work or view.state not in ENDED)


def _read(registry: Registry, actor: ApiActor, batch_run_id: str) -> BatchRunAnswer:
    return _answer(registry.batch_runs.view(actor, batch_run_id))


def _answer(view: BatchRunView) -> BatchRunAnswer:
    return BatchRunAnswer.model_validate(view)
