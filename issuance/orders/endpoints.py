"""/v1/orders: the queue of the operator's office, and what is told to people."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from issuance.orders.models import REASON_LENGTH, Priority, Promise
from issuance.orders.service import OrderView
from issuance.web.access import ApiActor, Registry
from issuance.web.schemas import Answer, OfficeAsked, Request

router = APIRouter(prefix="/v1/orders", tags=["orders"])


class UrgencyBody(Request):
    """Why it can't wait."""

    reason: str = Field(min_length=1, max_length=REASON_LENGTH)


class PromiseAnswer(Answer):
    """What was told of an order."""

    application_id: str
    told_at: datetime
    promised_on: date | None
    """None: unknown."""


class OrderAnswer(Answer):
    """An order as it waits."""

    application_id: str
    office: str
    priority: Priority
    approved_at: datetime
    ahead: int
    expected_on: date | None
    """None: unknown."""
    told: PromiseAnswer | None


@router.get("")
def list_queue(
    registry: Registry,
    actor: ApiActor,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    office: OfficeAsked = None,
) -> list[OrderAnswer]:
    """A stretch of the queue of the operator's office, or of `office` for who reads all."""
    return [_answer(view) for view in registry.orders.queue(actor.office_asked(office), offset)]


@router.post("/promises")
def retell(registry: Registry, actor: ApiActor) -> list[PromiseAnswer]:
    """What has to be told anew, because it does not hold any more; it counts as told."""
    return [_promise_answer(promise) for promise in registry.orders.retell(actor)]


@router.get("/{application_id}")
def read(registry: Registry, _actor: ApiActor, application_id: str) -> OrderAnswer:
    """One waiting order."""
    return _answer(registry.orders.view(application_id))


@router.post("/{application_id}/promise")
def tell(registry: Registry, actor: ApiActor, application_id: str) -> PromiseAnswer:
    """What is told to the applicant now."""
    return _promise_answer(registry.orders.tell(actor, application_id))


@router.put("/{application_id}/urgency", status_code=204)
def make_urgent(registry: Registry, actor: ApiActor, application_id: str, body: UrgencyBody) -> None:
    """Gives it a head start."""
    registry.orders.make_urgent(actor, application_id, body.reason)


def _answer(view: OrderView) -> OrderAnswer:
    return OrderAnswer(
        application_id=view.application_id,
        office=view.office,
        priority=view.priority,
        approved_at=view.approved_at,
        ahead=view.ahead,
        expected_on=view.expected_on,
        told=None if view.told is None else _promise_answer(view.told),
    )


def _promise_answer(promise: Promise) -> PromiseAnswer:
    return PromiseAnswer.model_validate(promise)
