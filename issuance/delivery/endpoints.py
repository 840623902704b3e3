"""/v1/cards/{number}/deliveries and /v1/deliveries: handing cards over."""

import base64

from fastapi import APIRouter
from pydantic import Base64Bytes, Field

from issuance.delivery.service import MAX_SIGNATURE_BYTES
from issuance.web.access import ApiActor, Registry
from issuance.web.schemas import Answer, Request

router = APIRouter(prefix="/v1", tags=["delivery"])


class DeliveryAnswer(Answer):
    """For the station alone: the transport PIN to replace, the challenge to sign with key 9A and SHA-256."""

    delivery_id: str
    transport_pin: str
    challenge: str


class CompletionBody(Request):
    """The card's signature, DER in base 64."""

    signature: Base64Bytes = Field(max_length=MAX_SIGNATURE_BYTES * 2)


@router.post("/cards/{card_number}/deliveries", status_code=201)
def open_delivery(registry: Registry, actor: ApiActor, card_number: str) -> DeliveryAnswer:
    """Begins handing a produced card to the person who stands there."""
    opened = registry.deliveries.open(actor, card_number)
    return DeliveryAnswer(
        delivery_id=opened.delivery_id,
        transport_pin=opened.transport_pin,
        challenge=base64.b64encode(opened.challenge).decode(),
    )


@router.post("/deliveries/{delivery_id}/completion", status_code=204)
def complete(registry: Registry, actor: ApiActor, delivery_id: str, body: CompletionBody) -> None:
    """Activates the card whose key signed the challenge."""
    registry.deliveries.complete(actor, delivery_id, body.signature)
