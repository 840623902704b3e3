"""/v1/stock: batches and bodies of the operator's office."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from issuance.stock.models import NOTE_LENGTH, PRODUCT_LENGTH, REASON_LENGTH, SERIAL_DIGITS
from issuance.stock.ranges import MAX_BODIES, MAX_RANGES
from issuance.stock.service import MAX_AT_ONCE, Delivery, StockView
from issuance.web.access import ApiActor, Registry
from issuance.web.schemas import Answer, OfficeAsked, Request

router = APIRouter(prefix="/v1/stock", tags=["stock"])

Serial = Annotated[str, Field(min_length=SERIAL_DIGITS, max_length=SERIAL_DIGITS)]
_REASON = Field(min_length=1, max_length=REASON_LENGTH)
_SERIALS = Field(min_length=1, max_length=MAX_AT_ONCE)


class RangeBody(Request):
    """Serials from the first to the last, both of them."""

    first: Serial
    last: Serial


_RANGES = Field(min_length=1, max_length=MAX_RANGES)


class DeliveryBody(Request):
    """What a supplier announces."""

    product: str = Field(min_length=1, max_length=PRODUCT_LENGTH)
    delivery_note: str = Field(min_length=1, max_length=NOTE_LENGTH)
    serials: list[RangeBody] = _RANGES
    expected_on: date | None = None


class CountBody(Request):
    """What was found."""

    serials: list[RangeBody] = _RANGES


class ConfirmationBody(Request):
    """How many the second person counted."""

    bodies: int = Field(ge=1, le=MAX_BODIES)


class BodiesBody(Request):
    """Which bodies."""

    serials: list[Serial] = _SERIALS


class ReasonBody(BodiesBody):
    """Which bodies, and why."""

    reason: str = _REASON


class SendingBody(BodiesBody):
    """Which bodies, and to which office."""

    office: str = Field(min_length=1, max_length=8)


class ReservationBody(Request):
    """For which order."""

    application_id: str = Field(min_length=1, max_length=16)


class BatchAnswer(Answer):
    """A batch that was announced."""

    id: str


class StockAnswer(Answer):
    """An office's stock."""

    office: str
    since: date
    opening: int
    received: int
    sent: int
    used: int
    spoiled: int
    destroyed: int
    on_hand: int
    bodies_per_working_day: float | None
    days_of_cover: float | None


class MovementAnswer(Answer):
    """One thing that happened to a body."""

    number: int
    kind: str
    from_state: str | None
    to_state: str
    from_office: str | None
    to_office: str
    actor: str
    at: datetime
    reason: str


@router.get("")
def read_stock(registry: Registry, actor: ApiActor, office: OfficeAsked = None) -> StockAnswer:
    """The stock of the operator's office, or of `office` for who reads all; 30 days' movements."""
    return _stock_answer(registry.stock.view(actor.office_asked(office)))


@router.post("/batches", status_code=201)
def announce(registry: Registry, actor: ApiActor, body: DeliveryBody) -> BatchAnswer:
    """Records a supplier's note."""
    delivery = Delivery(body.product, body.delivery_note, _ranges(body.serials), body.expected_on)
    return BatchAnswer(id=registry.stock.announce(actor, delivery))


@router.post("/batches/{batch_id}/count", status_code=204)
def count(registry: Registry, actor: ApiActor, batch_id: str, body: CountBody) -> None:
    """The first count."""
    registry.stock.count(actor, batch_id, _ranges(body.serials))


@router.post("/batches/{batch_id}/confirmation", status_code=204)
def confirm(registry: Registry, actor: ApiActor, batch_id: str, body: ConfirmationBody) -> None:
    """The second count, by somebody else."""
    registry.stock.confirm(actor, batch_id, body.bodies)


@router.post("/sendings", status_code=204)
def send(registry: Registry, actor: ApiActor, body: SendingBody) -> None:
    """Sends bodies to another office."""
    registry.stock.send(actor, body.serials, body.office)


@router.post("/arrivals", status_code=204)
def arrive(registry: Registry, actor: ApiActor, body: BodiesBody) -> None:
    """Takes in what another office sent."""
    registry.stock.arrive(actor, body.serials)


@router.post("/spoilage", status_code=204)
def spoil(registry: Registry, actor: ApiActor, body: ReasonBody) -> None:
    """Sets bodies aside that can't be used."""
    registry.stock.spoil(actor, body.serials, body.reason)


@router.post("/collections", status_code=204)
def collect(registry: Registry, actor: ApiActor, body: ReasonBody) -> None:
    """Cards that have ended were handed in: waste, to be destroyed."""
    registry.stock.collect(actor, body.serials, body.reason)


@router.post("/condemnations", status_code=204)
def condemn(registry: Registry, actor: ApiActor, body: ReasonBody) -> None:
    """The first of two people: to be destroyed."""
    registry.stock.condemn(actor, body.serials, body.reason)


@router.post("/reprieves", status_code=204)
def spare(registry: Registry, actor: ApiActor, body: ReasonBody) -> None:
    """Condemned bodies are waste again, and kept."""
    registry.stock.spare(actor, body.serials, body.reason)


@router.post("/destructions", status_code=204)
def destroy(registry: Registry, actor: ApiActor, body: ReasonBody) -> None:
    """The second of two people has destroyed them."""
    registry.stock.destroy(actor, body.serials, body.reason)


@router.get("/bodies/{serial}")
def history(registry: Registry, _actor: ApiActor, serial: str) -> list[MovementAnswer]:
    """What happened to a body, oldest first."""
    return [MovementAnswer.model_validate(movement) for movement in registry.stock.history(serial)]


@router.put("/bodies/{serial}/reservation", status_code=204)
def reserve(registry: Registry, actor: ApiActor, serial: str, body: ReservationBody) -> None:
    """Keeps a body for one order."""
    registry.stock.reserve(actor, serial, body.application_id)


@router.delete("/bodies/{serial}/reservation", status_code=204)
def release(registry: Registry, actor: ApiActor, serial: str) -> None:
    """Lets it serve anybody again."""
    registry.stock.release(actor, serial)


def _ranges(bodies: list[RangeBody]) -> list[list[str]]:
    return [[body.first, body.last] for body in bodies]


def _stock_answer(view: StockView) -> StockAnswer:
    balance = view.balance
    return StockAnswer(
        office=balance.office,
        since=view.since,
        opening=balance.opening,
        received=balance.received,
        sent=balance.sent,
        used=balance.used,
        spoiled=balance.spoiled,
        destroyed=balance.destroyed,
        on_hand=balance.on_hand,
        bodies_per_working_day=view.pace.bodies_per_day,
        days_of_cover=view.days_of_cover,
    )
