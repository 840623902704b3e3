"""People as JSON."""

from datetime import date, datetime

from pydantic import Field

from issuance.people.models import Ground
from issuance.people.service import Found
from issuance.web.schemas import Answer, Request
from pki.jalali import to_jalali

_MAX_WORDS = 200
_MAX_CURSOR = 1000
_MAX_CODE = 32
"""Typed with blanks or in another script's digits."""


class SearchBody(Request):
    """Words as `issuance.registry.search` reads them; the cursor of the page before, to go on behind it."""

    words: str = Field(min_length=1, max_length=_MAX_WORDS, repr=False)
    cursor: str | None = Field(default=None, max_length=_MAX_CURSOR)


class PersonBody(Request):
    """A person, by national code; in the body, because an URL goes into logs."""

    national_code: str = Field(min_length=1, max_length=_MAX_CODE, repr=False)


class ErasureBody(PersonBody):
    """Whose data is to go, and why."""

    ground: Ground


class ErasureNumber(Answer):
    """What the second person confirms."""

    id: str


class WaitingErasure(Answer):
    """An erasure that waits for a second person."""

    id: str
    national_code: str
    ground: Ground
    requested_by: str
    requested_at: datetime


class PersonAnswer(Answer):
    """A person, and how many slips lie between their names and what was typed."""

    national_code: str
    given_name: str
    surname: str
    father_name: str
    birth_date: date
    birth_date_jalali: str
    sex: str
    slips: int


class PeopleAnswer(Answer):
    """One page of people, the likeliest first; the next one begins at the cursor, if there is more."""

    people: list[PersonAnswer]
    cursor: str | None


def people_answer(found: Found) -> PeopleAnswer:
    """The answer for a page."""
    people = [
        PersonAnswer(
            national_code=person.national_code,
            given_name=person.given_name,
            surname=person.surname,
            father_name=person.father_name,
            birth_date=person.birth_date,
            birth_date_jalali=to_jalali(person.birth_date),
            sex=person.sex,
            slips=slips,
        )
        for person, slips in found.people
    ]
    return PeopleAnswer(people=people, cursor=found.cursor)
