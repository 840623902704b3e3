"""/v1/cards/{number}/identity-checks, /refusals and /deliveries, /v1/deliveries: handing cards over."""

import base64
from datetime import datetime

from fastapi import APIRouter
from pydantic import Base64Bytes, Field

from issuance.delivery.matching import (
    MAX_CERTIFICATE_BYTES,
    MAX_CHUID_BYTES,
    MAX_SIGNATURE_BYTES,
    CardAnswer,
)
from issuance.delivery.rules import MAX_SCORE, CheckFault, Seen
from issuance.delivery.states import CheckOutcome, RefusalReason
from issuance.enrolment.kinds import DOCUMENT_LENGTH
from issuance.lifecycle.cards import get_card
from issuance.lookups.models import What
from issuance.web.access import ApiActor, Registry
from issuance.web.looks import Look
from issuance.web.schemas import Answer, Nothing, Request

router = APIRouter(prefix="/v1", tags=["delivery"])


class CheckBody(Request):
    """What the operator saw; `score` is per mille, where the counter compares faces by machine."""

    document: str = Field(min_length=1, max_length=DOCUMENT_LENGTH)
    same_person: bool
    score: int | None = Field(default=None, ge=0, le=MAX_SCORE)


class CheckAnswer(Answer):
    """A check on record."""

    id: str
    card_number: str
    outcome: CheckOutcome
    fault: CheckFault | None
    document: str | None
    score: int | None
    threshold: int | None
    checked_by: str | None
    checked_at: datetime


class CheckedAnswer(Answer):
    """A new check; `failures_left` may still fail before the card is void, none: it is."""

    check: CheckAnswer
    failures_left: int


class RefusalBody(Request):
    """Why the person doesn't take the card."""

    reason: RefusalReason


class RecallAnswer(Answer):
    """An uncollected card: told of, taken back, ended."""

    card_number: str
    noticed_by: str
    noticed_at: datetime
    returned_by: str | None
    returned_at: datetime | None


class NoticedAnswer(Answer):
    """Whose holders were told now."""

    card_numbers: list[str]


class DeliveryAnswer(Answer):
    """For the station alone: the transport PIN to replace, the challenge to sign with key 9A and SHA-256."""

    delivery_id: str
    transport_pin: str
    challenge: str


class CompletionBody(Request):
    """What the card said: signature (DER), content of CHUID, certificate of key 9A (DER); in base 64."""

    signature: Base64Bytes = Field(max_length=MAX_SIGNATURE_BYTES * 2)
    chuid: Base64Bytes = Field(max_length=MAX_CHUID_BYTES * 2)
    certificate: Base64Bytes = Field(max_length=MAX_CERTIFICATE_BYTES * 2)


@router.post("/cards/{card_number}/identity-checks", status_code=201)
def check(registry: Registry, actor: ApiActor, card_number: str, body: CheckBody) -> CheckedAnswer:
    """Puts on record who came for a produced card; one that fails is an answer, no error."""
    seen = Seen(body.document, body.same_person, body.score)
    return CheckedAnswer.model_validate(registry.identity_checks.check(actor, card_number, seen))


@router.post("/cards/{card_number}/presence-checks", status_code=201)
def meet(registry: Registry, actor: ApiActor, card_number: str, body: CheckBody) -> CheckAnswer:
    """Puts on record who came about a card in use: what is done in person alone goes by it."""
    seen = Seen(body.document, body.same_person, body.score)
    return CheckAnswer.model_validate(registry.identity_checks.meet(actor, card_number, seen))


@router.get("/cards/{card_number}/identity-checks")
def checks(registry: Registry, look: Look, card_number: str) -> list[CheckAnswer]:
    """The card's checks, oldest first."""
    with registry.lookups.looking(look) as looking:
        card = get_card(looking.session, card_number)
        looking.saw(What.CARD, card.national_code, card.application_id)
    return [CheckAnswer.model_validate(one) for one in registry.identity_checks.of(card_number)]


@router.post("/cards/{card_number}/refusals", status_code=204)
def refuse(registry: Registry, actor: ApiActor, card_number: str, body: RefusalBody) -> None:
    """The person doesn't take the card: it goes back to safe keeping."""
    registry.identity_checks.refuse(actor, card_number, body.reason)


@router.get("/recalls")
def recalls(registry: Registry, actor: ApiActor) -> list[RecallAnswer]:
    """The office's uncollected cards whose holders were told, oldest first."""
    return [RecallAnswer.model_validate(one) for one in registry.recalls.open(actor)]


@router.post("/recalls", status_code=201)
def notify(registry: Registry, actor: ApiActor, _body: Nothing) -> NoticedAnswer:
    """Tells the holders of the office's uncollected cards, at most 500 at once."""
    return NoticedAnswer(card_numbers=registry.recalls.notify(actor))


@router.post("/cards/{card_number}/return", status_code=204)
def take_back(registry: Registry, actor: ApiActor, card_number: str, _body: Nothing) -> None:
    """The uncollected card leaves the counter."""
    registry.recalls.take_back(actor, card_number)


@router.post("/cards/{card_number}/recall-ending", status_code=204)
def end_recall(registry: Registry, actor: ApiActor, card_number: str, _body: Nothing) -> None:
    """A second person ends the card that was taken back."""
    registry.recalls.end(actor, card_number)


@router.post("/cards/{card_number}/deliveries", status_code=201)
def open_delivery(registry: Registry, actor: ApiActor, card_number: str) -> DeliveryAnswer:
    """Begins handing a produced card to the person who was just checked."""
    opened = registry.deliveries.open(actor, card_number)
    return DeliveryAnswer(
        delivery_id=opened.delivery_id,
        transport_pin=opened.transport_pin,
        challenge=base64.b64encode(opened.challenge).decode(),
    )


@router.post("/deliveries/{delivery_id}/completion", status_code=204)
def complete(registry: Registry, actor: ApiActor, delivery_id: str, body: CompletionBody) -> None:
    """Activates the card that matches record and person, and whose key signed the challenge."""
    answer = CardAnswer(body.signature, body.chuid, body.certificate)
    registry.deliveries.complete(actor, delivery_id, answer)
