"""/healthz and /metrics."""

from fastapi import APIRouter
from sqlalchemy import func, select, text
from starlette.responses import JSONResponse, PlainTextResponse, Response

from issuance.enrolment.repository import count_by_state
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationState, CardState
from issuance.web.access import Registry

router = APIRouter(tags=["operations"])

_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus text exposition format


@router.get("/healthz")
def healthz(registry: Registry) -> Response:
    """200 while the database answers."""
    with registry.database.reading() as session:
        session.execute(text("SELECT 1"))
    return JSONResponse({"status": "ok"})


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(registry: Registry) -> Response:
    """How many applications and cards stand where."""
    with registry.database.reading() as session:
        applications = count_by_state(session)
        rows = session.execute(select(Card.state, func.count()).group_by(Card.state))
        cards = {CardState(state): count for state, count in rows}
    lines = ["# TYPE hoviat_applications gauge"]
    lines += [f'hoviat_applications{{state="{s}"}} {applications.get(s, 0)}' for s in ApplicationState]
    lines.append("# TYPE hoviat_cards gauge")
    lines += [f'hoviat_cards{{state="{state}"}} {cards.get(state, 0)}' for state in CardState]
    return PlainTextResponse("\n".join(lines) + "\n", media_type=_MEDIA_TYPE)
