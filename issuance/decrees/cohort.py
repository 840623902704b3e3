"""Whom a decree means: cards in use whose end lies in its window, read part by part."""

from collections.abc import Iterator

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from issuance.decrees.models import CardExtension, Decree
from issuance.decrees.validity import end_of
from issuance.enrolment.models import Application
from issuance.lifecycle.models import Card, CardCertificate
from issuance.lifecycle.states import CardState
from issuance.registry.models import Citizen

PART = 1000
"""Cards in memory at a time."""
_MEANT = (CardState.PRODUCED.value, CardState.ACTIVE.value, CardState.SUSPENDED.value)


def cohort(session: Session, decree: Decree) -> Iterator[list[str]]:
    """The numbers of the cards that the decree means, in parts. Birth dates are encrypted: read here."""
    last = ""
    while True:
        rows = session.execute(_part(decree, last)).all()
        if not rows:
            return
        last = rows[-1].card_number
        yield [row.card_number for row in rows if _of_its_years(decree, row.birth_date)]


def _of_its_years(decree: Decree, born: object) -> bool:
    return decree.born_from is None or decree.born_from <= born <= decree.born_to  # type: ignore[operator]


def _part(decree: Decree, after: str) -> Select[str, object]:
    ends = (
        select(CardCertificate.card_number, func.min(CardCertificate.not_after).label("printed"))
        .group_by(CardCertificate.card_number)
        .subquery()
    )
    extended = (
        select(CardExtension.card_number, func.max(CardExtension.until).label("until"))
        .group_by(CardExtension.card_number)
        .subquery()
    )
    first, last = end_of(decree.expires_from).replace(hour=0, minute=0, second=0), end_of(decree.expires_to)
    query = (
        select(Card.card_number, Citizen.birth_date)
        .join(ends, ends.c.card_number == Card.card_number)
        .join(Citizen, Citizen.national_code == Card.national_code)
        .join(Application, Application.id == Card.application_id)
        .outerjoin(extended, extended.c.card_number == Card.card_number)
        .where(
            Card.card_number > after,
            Card.state.in_(_MEANT),
            # What an earlier decree said counts instead of what is printed.
            (extended.c.until.is_(None) & ends.c.printed.between(first, last))
            | extended.c.until.between(decree.expires_from, decree.expires_to),
        )
        .order_by(Card.card_number)
        .limit(PART)
    )
    return query if decree.office is None else query.where(Application.office == decree.office)
