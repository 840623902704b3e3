"""A citizen's own record in short, and who looked at it. No look of an operator, and noted as none."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from issuance.database import Database
from issuance.decrees.validity import Validity, validity_of
from issuance.enrolment.models import Application
from issuance.lifecycle.models import Card
from issuance.lookups.service import LooksPage, Lookups
from issuance.massactions.closing import holds_on
from issuance.selfservice.service import Holder

MOST = 50
"""Applications and cards, the newest: nobody has had so many."""


@dataclass(frozen=True)
class OwnApplication:
    """An application as its person sees it: nothing of who works on it, or of what is suspected."""

    id: str
    kind: str
    state: str
    office: str
    created_at: datetime


@dataclass(frozen=True)
class OwnCard:
    """A card as its holder sees it."""

    card_number: str
    state: str
    delivered_at: datetime | None
    ended_at: datetime | None
    valid_until: datetime | None
    decree: str | None
    """The number of the decree that extended it beyond the date on the card."""
    held: bool
    """It works no more until its keys are renewed, at any office."""


@dataclass(frozen=True)
class OwnRecord:
    """Newest first."""

    applications: list[OwnApplication]
    cards: list[OwnCard]


class OwnRecords:
    """What the holders of sessions see."""

    def __init__(self, database: Database, lookups: Lookups) -> None:
        self._database = database
        self._lookups = lookups

    def record(self, holder: Holder) -> OwnRecord:
        """Applications and cards."""
        applications = select(Application).where(Application.national_code == holder.national_code)
        cards = select(Card).where(Card.national_code == holder.national_code)
        newest = applications.order_by(Application.created_at.desc(), Application.id).limit(MOST)
        last = cards.options(selectinload(Card.certificates)).order_by(Card.taken_at.desc()).limit(MOST)
        with self._database.reading() as session:
            own = session.scalars(last).all()
            held = holds_on(session, [card.card_number for card in own])
            return OwnRecord(
                [
                    OwnApplication(found.id, found.kind, found.state, found.office, found.created_at)
                    for found in session.scalars(newest)
                ],
                [
                    _card(
                        found,
                        validity_of(session, found) if found.certificates else None,
                        held=found.card_number in held,
                    )
                    for found in own
                ],
            )

    def looks(self, holder: Holder, cursor: str | None = None) -> LooksPage:
        """Who looked at it, by pages. Raises InvalidInputError for what is no cursor."""
        return self._lookups.at_person(holder.national_code, cursor)


def _card(card: Card, validity: Validity | None, *, held: bool) -> OwnCard:
    until, decree = (None, None) if validity is None else (validity.valid_until, validity.decree)
    return OwnCard(card.card_number, card.state, card.delivered_at, card.ended_at, until, decree, held)
