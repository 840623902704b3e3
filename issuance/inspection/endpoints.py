"""/v1/cards/{card_number}/acceptance and /rejection: what a second person found."""

from fastapi import APIRouter
from pydantic import Field

from issuance.inspection.models import REASON_LENGTH
from issuance.web.access import ApiActor, Registry
from issuance.web.schemas import Nothing, Request

router = APIRouter(prefix="/v1/cards", tags=["inspection"])


class RejectionBody(Request):
    """What is wrong with the card."""

    reason: str = Field(min_length=1, max_length=REASON_LENGTH)


@router.post("/{card_number}/acceptance", status_code=204)
def accept(registry: Registry, actor: ApiActor, card_number: str, _body: Nothing | None = None) -> None:
    """It is as it should be."""
    registry.inspections.accept(actor, card_number)


@router.post("/{card_number}/rejection", status_code=204)
def reject(registry: Registry, actor: ApiActor, card_number: str, body: RejectionBody) -> None:
    """It is waste: certificates revoked, body spoiled, order back in the queue."""
    registry.inspections.reject(actor, card_number, body.reason)
