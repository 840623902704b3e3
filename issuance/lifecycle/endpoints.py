"""/v1/cards: a card's state, suspension, resumption and revocation."""

from datetime import datetime

from fastapi import APIRouter
from sqlalchemy.orm import Session

from issuance.lifecycle.cards import get_card
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import CardState, RevocationCause, SuspensionReason
from issuance.lookups.models import What
from issuance.massactions.closing import holds_on
from issuance.web.access import ApiActor, Registry
from issuance.web.looks import Look
from issuance.web.schemas import Answer, Request

router = APIRouter(prefix="/v1/cards", tags=["cards"])
replacement_router = APIRouter(prefix="/v1/applications", tags=["cards"])


class CertificateAnswer(Answer):
    """A certificate of the card; its status is published by the authority."""

    serial: str
    profile: str
    not_after: datetime
    superseded_at: datetime | None
    """When another one began to take its place: from then on it is revoked. None: not yet."""


class CardAnswer(Answer):
    """A card."""

    card_number: str
    application_id: str
    state: CardState
    guid: str
    produced_at: datetime | None
    delivered_at: datetime | None
    ended_at: datetime | None
    revocation_cause: RevocationCause | None
    certificates: list[CertificateAnswer]
    held_by: str | None = None
    """The mass action that holds a key of it: whatever its state, it works no more until it has new ones."""


class SuspensionBody(Request):
    """Why the card is stopped; a call has its own way."""

    reason: SuspensionReason = SuspensionReason.HOLDER


class RevocationBody(Request):
    """Why the card is revoked."""

    reason: RevocationCause


def _answer(registry: Registry, number: str) -> CardAnswer:
    with registry.database.reading() as session:
        return _card_answer(session, get_card(session, number))


def _card_answer(session: Session, card: Card) -> CardAnswer:
    answer = CardAnswer.model_validate(card)
    return answer.model_copy(update={"held_by": holds_on(session, [card.card_number]).get(card.card_number)})


@router.get("/{card_number}")
def read(registry: Registry, look: Look, card_number: str) -> CardAnswer:
    """One card."""
    with registry.lookups.looking(look) as looking:
        card = get_card(looking.session, card_number)
        looking.saw(What.CARD, card.national_code, card.application_id)
        return _card_answer(looking.session, card)


@router.post("/{card_number}/suspension")
def suspend(
    registry: Registry, actor: ApiActor, card_number: str, body: SuspensionBody | None = None
) -> CardAnswer:
    """Stops it for a while; without a body because its holder asks for it."""
    registry.lifecycle.suspend(actor, card_number, (body or SuspensionBody()).reason)
    return _answer(registry, card_number)


@router.post("/{card_number}/resumption")
def resume(registry: Registry, actor: ApiActor, card_number: str) -> CardAnswer:
    """Lets it work again."""
    registry.lifecycle.resume(actor, card_number)
    return _answer(registry, card_number)


@router.post("/{card_number}/revocation")
def revoke(registry: Registry, actor: ApiActor, card_number: str, body: RevocationBody) -> CardAnswer:
    """Ends it for good."""
    registry.lifecycle.revoke(actor, card_number, body.reason)
    return _answer(registry, card_number)


@replacement_router.post("/{application_id}/old-card/ending", status_code=204)
def end_old_card(registry: Registry, actor: ApiActor, application_id: str) -> None:
    """Ends the card that an approved application replaces, so that the new one can be made."""
    registry.replacement.end_old_card(actor, application_id)
