"""/v1/applications/{id}/matches: possible duplicates, and the decision about each."""

from typing import Annotated

from fastapi import APIRouter, Path

from issuance.duplicates.repository import matches_of
from issuance.duplicates.schemas import DecisionBody, MatchesAnswer, match_answer
from issuance.enrolment.repository import get_application
from issuance.lookups.models import What
from issuance.web.access import Registry
from issuance.web.looks import Look

router = APIRouter(prefix="/v1/applications", tags=["duplicates"])

_Number = Annotated[int, Path(ge=1, le=1_000_000)]


@router.get("/{application_id}/matches")
def read_matches(registry: Registry, look: Look, application_id: str) -> MatchesAnswer:
    """Who may be the same person under another code; each of them is told of the look."""
    with registry.lookups.looking(look) as looking:
        looking.saw_all(What.MATCHES, [get_application(looking.session, application_id)])
        matches = list(matches_of(looking.session, application_id))
        for match in matches:
            looking.saw(What.MATCHES, match.national_code, application_id)
        return MatchesAnswer(matches=[match_answer(match) for match in matches])


@router.post("/{application_id}/matches/{number}/decision")
def decide(
    registry: Registry, look: Look, application_id: str, number: _Number, body: DecisionBody
) -> MatchesAnswer:
    """Says whether it is the same person."""
    registry.duplicates.decide(look.actor, application_id, number, body.decision, body.reason)
    return read_matches(registry, look, application_id)
