"""/v1/mass-actions: preview, proposal, confirmation, run, progress, report, lifting."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, astuple, fields
from datetime import timedelta
from functools import partial

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from issuance.bootstrap import Issuance
from issuance.massactions.schemas import (
    ActionAnswer,
    LiftBody,
    PreviewAnswer,
    ProgressAnswer,
    ProposalBody,
    ReportAnswer,
    SelectionBody,
)
from issuance.massactions.views import MassProgress, ReportLine, lines_of
from issuance.production.endpoints import EVENT_STREAM
from issuance.production.watching import changes
from issuance.web.access import ApiActor, Registry

router = APIRouter(prefix="/v1/mass-actions", tags=["mass actions"])

CSV = "text/csv"
JSON_LINES = "application/jsonl"
LOST_AFTER = timedelta(minutes=10)
"""An action at work that has not moved for so long has lost its process; its events end."""


@router.post("/preview")
def preview(registry: Registry, actor: ApiActor, body: SelectionBody) -> PreviewAnswer:
    """What a selection means now: counts, and some keys as samples."""
    return PreviewAnswer.model_validate(registry.mass_actions.preview(actor, body.selection()))


@router.get("")
def list_latest(registry: Registry, actor: ApiActor) -> list[ActionAnswer]:
    """The newest fifty."""
    return [ActionAnswer.model_validate(view) for view in registry.mass_actions.latest(actor)]


@router.post("", status_code=201)
def propose(registry: Registry, actor: ApiActor, body: ProposalBody) -> ActionAnswer:
    """Fixes the keys that a selection means, for another person to confirm."""
    view = registry.mass_actions.propose(actor, body.selection.selection(), body.reason, body.tolerance)
    return ActionAnswer.model_validate(view)


@router.get("/{action_id}")
def read(registry: Registry, actor: ApiActor, action_id: str) -> ActionAnswer:
    """One, as it is on record."""
    return ActionAnswer.model_validate(registry.mass_actions.view(actor, action_id))


@router.post("/{action_id}/confirmation")
def confirm(registry: Registry, actor: ApiActor, action_id: str) -> ActionAnswer:
    """The second person's consent; what the selection means is counted once more."""
    return ActionAnswer.model_validate(registry.mass_actions.confirm(actor, action_id))


@router.post("/{action_id}/cancellation")
def cancel(registry: Registry, actor: ApiActor, action_id: str) -> ActionAnswer:
    """Ends an action that has not begun."""
    return ActionAnswer.model_validate(registry.mass_actions.cancel(actor, action_id))


@router.post("/{action_id}/run", status_code=202)
def run(registry: Registry, actor: ApiActor, action_id: str) -> ProgressAnswer:
    """Holds, or releases, in the background what was confirmed; goes on after a crash."""
    return ProgressAnswer.model_validate(registry.mass_background.start(actor, action_id))


@router.post("/{action_id}/lift")
def propose_lift(registry: Registry, actor: ApiActor, action_id: str, body: LiftBody) -> ActionAnswer:
    """The first of two people: what is left of the action is to be released."""
    return ActionAnswer.model_validate(registry.mass_actions.propose_lift(actor, action_id, body.reason))


@router.post("/{action_id}/lift/confirmation")
def confirm_lift(registry: Registry, actor: ApiActor, action_id: str) -> ActionAnswer:
    """The second person's consent; `run` releases."""
    return ActionAnswer.model_validate(registry.mass_actions.confirm_lift(actor, action_id))


@router.get("/{action_id}/progress")
def progress(registry: Registry, actor: ApiActor, action_id: str) -> ProgressAnswer:
    """How far it is."""
    registry.mass_actions.view(actor, action_id)
    return ProgressAnswer.model_validate(registry.mass_runs.progress(action_id))


@router.get(
    "/{action_id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {EVENT_STREAM: {}}}},
)
def events(registry: Registry, actor: ApiActor, action_id: str) -> StreamingResponse:
    """The same as server-sent events: `mass-action` with each change, the last one when it is not at work."""
    registry.mass_actions.view(actor, action_id)  # 403 or 404 before the stream begins
    return StreamingResponse(_stream(registry, action_id), media_type=EVENT_STREAM)


async def _stream(registry: Issuance, action_id: str) -> AsyncIterator[str]:
    look = partial(registry.mass_runs.progress, action_id)
    async for view in changes(registry.production.progress, look, partial(_moves, registry)):
        data = ProgressAnswer.model_validate(view).model_dump_json()
        yield f"event: mass-action\ndata: {data}\n\n"


def _moves(registry: Issuance, view: MassProgress) -> bool:
    heard = view.moved_at
    return view.at_work and heard is not None and registry.clock() - heard < LOST_AFTER


@router.get("/{action_id}/report")
def report(registry: Registry, actor: ApiActor, action_id: str) -> ReportAnswer:
    """What came of it so far: keys by state, failures by reason."""
    return ReportAnswer.model_validate(registry.mass_actions.report(actor, action_id))


@router.get(
    "/{action_id}/report.csv", response_class=StreamingResponse, responses={200: {"content": {CSV: {}}}}
)
def report_csv(registry: Registry, actor: ApiActor, action_id: str) -> StreamingResponse:
    """Each key of the action on a line, RFC 4180, streamed."""
    registry.mass_actions.view(actor, action_id)
    return StreamingResponse(_csv(registry, action_id), media_type=f"{CSV}; charset=utf-8; header=present")


@router.get(
    "/{action_id}/report.jsonl",
    response_class=StreamingResponse,
    responses={200: {"content": {JSON_LINES: {}}}},
)
def report_jsonl(registry: Registry, actor: ApiActor, action_id: str) -> StreamingResponse:
    """Each key of the action as a JSON line, streamed."""
    registry.mass_actions.view(actor, action_id)
    return StreamingResponse(_jsonl(registry, action_id), media_type=JSON_LINES)


def _csv(registry: Issuance, action_id: str) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([field.name for field in fields(ReportLine)])
    for line in _lines(registry, action_id):
        writer.writerow(astuple(line))
        yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _jsonl(registry: Issuance, action_id: str) -> Iterator[str]:
    for line in _lines(registry, action_id):
        yield f"{json.dumps(asdict(line))}\n"


def _lines(registry: Issuance, action_id: str) -> Iterator[ReportLine]:
    with registry.database.reading() as session:
        yield from lines_of(session, action_id)
