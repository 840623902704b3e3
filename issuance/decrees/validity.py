"""Until when a card is valid: the date that it was produced with, or what a decree made of it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import select
from sqlalchemy.orm import Session

from issuance.decrees.models import CardExtension, Decree
from issuance.lifecycle.models import Card

_END_OF_DAY = time(23, 59, 59)


@dataclass(frozen=True)
class Validity:
    """One card's."""

    printed_until: datetime
    """The first end of the certificates that it was produced with: what stands on it."""
    valid_until: datetime
    """The same, or what the decree says."""
    decree: str | None
    """The decree's number."""


def validity_of(session: Session, card: Card) -> Validity:
    """The card's validity. Of a card without certificates there is none: raises ValueError."""
    printed = min(certificate.not_after for certificate in card.certificates)
    query = (
        select(CardExtension.until, Decree.number)
        .join(Decree, Decree.id == CardExtension.decree_id)
        .where(CardExtension.card_number == card.card_number)
        .order_by(CardExtension.until.desc())
        .limit(1)
    )
    found = session.execute(query).one_or_none()
    if found is None or end_of(found.until) <= printed:
        return Validity(printed, printed, None)
    return Validity(printed, end_of(found.until), found.number)


def end_of(day: date) -> datetime:
    """The last second of that day."""
    return datetime.combine(day, _END_OF_DAY, UTC)
