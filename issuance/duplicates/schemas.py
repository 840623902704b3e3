"""Possible duplicates as JSON."""

from datetime import date, datetime

from pydantic import Field

from issuance.duplicates.models import DuplicateMatch, MatchDecision
from issuance.enrolment.models import NOTE_LENGTH
from issuance.web.schemas import Answer, Request


class DecisionBody(Request):
    """Same person or another one, and why."""

    decision: MatchDecision
    reason: str = Field(min_length=1, max_length=NOTE_LENGTH)


class MatchAnswer(Answer):
    """Somebody under another code who may be the applicant."""

    number: int
    score: int
    causes: list[str]
    national_code: str
    given_name: str
    surname: str
    father_name: str
    birth_date: date
    found_at: datetime
    decision: MatchDecision | None
    decided_by: str | None
    decided_at: datetime | None
    reason: str


class MatchesAnswer(Answer):
    """All of them."""

    matches: list[MatchAnswer]


def match_answer(match: DuplicateMatch) -> MatchAnswer:
    """The answer for a match whose citizen is loaded."""
    citizen = match.citizen
    return MatchAnswer(
        number=match.number,
        score=match.score,
        causes=match.causes.split(),
        national_code=match.national_code,
        given_name=citizen.given_name,
        surname=citizen.surname,
        father_name=citizen.father_name,
        birth_date=citizen.birth_date,
        found_at=match.found_at,
        decision=None if match.decision is None else MatchDecision(match.decision),
        decided_by=match.decided_by,
        decided_at=match.decided_at,
        reason=match.reason,
    )
