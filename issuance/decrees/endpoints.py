"""/v1/decrees: proposed by one, enacted by another, public once in force; /v1/cards/{number}/validity."""

from datetime import date, datetime

from fastapi import APIRouter
from pydantic import Field

from issuance.decrees.models import NUMBER_LENGTH, DecreeState
from issuance.decrees.service import Proposal
from issuance.lifecycle.cards import get_card
from issuance.lookups.models import What
from issuance.offices.models import OFFICE_CODE_LENGTH
from issuance.web.access import ApiActor, Registry
from issuance.web.looks import Look
from issuance.web.schemas import Answer, Nothing, Request

router = APIRouter(prefix="/v1", tags=["decrees"])


class DecreeBody(Request):
    """What the decree says; days are Gregorian, both ends included."""

    number: str = Field(min_length=1, max_length=NUMBER_LENGTH)
    decreed_on: date
    expires_from: date
    expires_to: date
    extended_to: date
    office: str | None = Field(default=None, max_length=OFFICE_CODE_LENGTH)
    born_from: date | None = None
    born_to: date | None = None


class PublishedDecree(Answer):
    """A decree in force: nothing of any person."""

    number: str
    decreed_on: date
    expires_from: date
    expires_to: date
    extended_to: date
    office: str | None
    born_from: date | None
    born_to: date | None


class ProposedDecree(PublishedDecree):
    """A decree and where it stands; `cards`: how many it meant when it came into force."""

    id: str
    state: DecreeState
    cards: int | None
    proposed_by: str
    decided_by: str | None
    decided_at: datetime | None


class DecreeAnswer(ProposedDecree):
    """One decree; `means` is how many cards it means today."""

    means: int


class ValidityAnswer(Answer):
    """Until when a card is valid; `decree`: number of the one that says so, apart from what is printed."""

    printed_until: datetime
    valid_until: datetime
    decree: str | None


def _answer(registry: Registry, actor: ApiActor, decree_id: str) -> DecreeAnswer:
    view = registry.decrees.view(actor, decree_id)
    return DecreeAnswer(**vars(view), means=registry.decrees.preview(actor, decree_id))


@router.get("/decrees")
def published(registry: Registry) -> list[PublishedDecree]:
    """Those in force, for everybody who looks at cards; the newest 200."""
    return [PublishedDecree.model_validate(one) for one in registry.decrees.in_force()]


@router.post("/decrees", status_code=201)
def propose(registry: Registry, actor: ApiActor, body: DecreeBody) -> DecreeAnswer:
    """The first of two people."""
    return _answer(registry, actor, registry.decrees.propose(actor, Proposal(**body.model_dump())))


@router.get("/decree-proposals")
def proposed(registry: Registry, actor: ApiActor) -> list[ProposedDecree]:
    """Whatever was proposed, by whom, and what somebody else decided; the newest 200."""
    return [ProposedDecree.model_validate(one) for one in registry.decrees.proposed(actor)]


@router.get("/decrees/{decree_id}")
def read(registry: Registry, actor: ApiActor, decree_id: str) -> DecreeAnswer:
    """One decree."""
    return _answer(registry, actor, decree_id)


@router.post("/decrees/{decree_id}/enactment")
def enact(registry: Registry, actor: ApiActor, decree_id: str, _body: Nothing) -> DecreeAnswer:
    """The second of two people: it is in force."""
    registry.decrees.enact(actor, decree_id)
    return _answer(registry, actor, decree_id)


@router.post("/decrees/{decree_id}/rejection")
def reject(registry: Registry, actor: ApiActor, decree_id: str, _body: Nothing) -> DecreeAnswer:
    """It is not what was decreed."""
    registry.decrees.reject(actor, decree_id)
    return _answer(registry, actor, decree_id)


@router.get("/cards/{card_number}/validity")
def validity(registry: Registry, look: Look, card_number: str) -> ValidityAnswer:
    """Until when the card is valid."""
    with registry.lookups.looking(look) as looking:
        card = get_card(looking.session, card_number)
        looking.saw(What.CARD, card.national_code, card.application_id)
    return ValidityAnswer.model_validate(registry.decrees.validity(card_number))
