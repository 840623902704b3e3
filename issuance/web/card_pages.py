"""Producing, watching, handing over and ending cards."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from issuance.delivery.rules import Seen
from issuance.delivery.states import RefusalReason
from issuance.enrolment.kinds import DOCUMENT_LENGTH, RULES
from issuance.enrolment.repository import get_application
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.states import RevocationCause
from issuance.lookups.models import What
from issuance.production.endpoints import EVENT_STREAM
from issuance.production.service import ProductionView
from issuance.production.steps import ProductionState
from issuance.production.watching import watch
from issuance.web.access import PageActor, Registry
from issuance.web.forms import FormActor
from issuance.web.looks import Look
from issuance.web.rendering import fragment, path_for, render
from issuance.web.viewer import viewer

router = APIRouter(include_in_schema=False)


@router.post("/applications/{application_id}/production", name="page.produce")
def produce(
    request: Request,
    registry: Registry,
    actor: FormActor,
    application_id: str,
    reader: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Begins or resumes the run; the page then shows it live."""
    registry.production.start(actor, application_id, reader)
    return _to_application(request, application_id)


@router.post("/productions/{production_id}/voiding", name="page.void")
def void(request: Request, registry: Registry, actor: FormActor, production_id: str) -> Response:
    """Gives a torn run up."""
    registry.production.void(actor, production_id)
    return _to_application(request, registry.production.view(production_id).application_id)


@router.get("/productions/{production_id}/progress", name="page.progress")
def progress(request: Request, registry: Registry, _actor: PageActor, production_id: str) -> Response:
    """The run as server-sent pieces of the page."""
    registry.production.view(production_id)
    return StreamingResponse(_pieces(request, registry, production_id), media_type=EVENT_STREAM)


async def _pieces(request: Request, registry: Registry, production_id: str) -> AsyncIterator[str]:
    async for run in watch(registry.production, production_id):
        yield _event("progress", fragment(request, "run.html", {"run": run, "ended": _ended(run)}))
    yield _event("ended", "")


def _ended(run: ProductionView) -> bool:
    return run.state not in {ProductionState.RUNNING, ProductionState.VOIDING}


def _event(name: str, html: str) -> str:
    data = "".join(f"data: {line}\n" for line in html.splitlines() or [""])
    return f"event: {name}\n{data}\n"


@router.get("/cards/{number}/delivery", name="page.delivery")
def delivery(request: Request, registry: Registry, look: Look, number: str) -> Response:
    """Says what to do at the station, and follows along."""
    with registry.lookups.looking(look) as looking:
        card = get_card(looking.session, number)
        application = get_application(looking.session, card.application_id)
        looking.saw_all(What.APPLICATION, [application])
        citizen = application.citizen
    server = str(request.base_url).partition("/issuance")[0].rstrip("/")
    documents = [RULES.documents[name] for name in RULES.delivery.documents]
    checks = registry.identity_checks.of(number)
    context = {"card": card, "citizen": citizen, "server": server, "checks": checks, "documents": documents}
    return render(request, "delivery.html", context | viewer(request, look.actor))


@router.post("/cards/{number}/identity-checks", name="page.check")
def check(
    request: Request,
    registry: Registry,
    actor: FormActor,
    number: str,
    document: Annotated[str, Form(max_length=DOCUMENT_LENGTH)],
    same_person: Annotated[bool, Form()],
) -> Response:
    """Puts on record who came for the card."""
    registry.identity_checks.check(actor, number, Seen(document, same_person))
    return RedirectResponse(path_for(request, "delivery", number=number), HTTPStatus.SEE_OTHER)


@router.post("/cards/{number}/refusals", name="page.refuse_card")
def refuse_card(
    request: Request,
    registry: Registry,
    actor: FormActor,
    number: str,
    reason: Annotated[RefusalReason, Form()],
) -> Response:
    """The person doesn't take the card."""
    registry.identity_checks.refuse(actor, number, reason)
    return _to_card(request, registry, number)


@router.post("/cards/{number}/suspension", name="page.suspend")
def suspend(request: Request, registry: Registry, actor: FormActor, number: str) -> Response:
    """Stops the card for a while."""
    registry.lifecycle.suspend(actor, number)
    return _to_card(request, registry, number)


@router.post("/cards/{number}/resumption", name="page.resume")
def resume(request: Request, registry: Registry, actor: FormActor, number: str) -> Response:
    """Lets it work again."""
    registry.lifecycle.resume(actor, number)
    return _to_card(request, registry, number)


@router.post("/cards/{number}/revocation", name="page.revoke")
def revoke(
    request: Request,
    registry: Registry,
    actor: FormActor,
    number: str,
    cause: Annotated[RevocationCause, Form()],
) -> Response:
    """Ends it for good."""
    registry.lifecycle.revoke(actor, number, cause)
    return _to_card(request, registry, number)


def _to_card(request: Request, registry: Registry, number: str) -> Response:
    with registry.database.reading() as session:
        return _to_application(request, get_card(session, number).application_id)


def _to_application(request: Request, application_id: str) -> Response:
    return RedirectResponse(
        path_for(request, "application", application_id=application_id), HTTPStatus.SEE_OTHER
    )
