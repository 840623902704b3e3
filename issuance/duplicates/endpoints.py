"""/v1/applications/{id}/matches: possible duplicates, and the decision about each."""

from typing import Annotated

from fastapi import APIRouter, Path

from issuance.duplicates.repository import matches_of
from issuance.duplicates.schemas import DecisionBody, MatchesAnswer, match_answer
from issuance.enrolment.repository import get_application
from issuance.web.access import ApiActor, Registry

router = APIRouter(prefix="/v1/applications", tags=["duplicates"])

_Number = Annotated[int, Path(ge=1, le=1_000_000)]


@router.get("/{application_id}/matches")
def read_matches(registry: Registry, _actor: ApiActor, application_id: str) -> MatchesAnswer:
    """Who may be the same person under another code."""
    with registry.database.reading() as session:
        get_application(session, application_id)
        return MatchesAnswer(matches=[match_answer(match) for match in matches_of(session, application_id)])


@router.post("/{application_id}/matches/{number}/decision")
def decide(
    registry: Registry, actor: ApiActor, application_id: str, number: _Number, body: DecisionBody
) -> MatchesAnswer:
    """Says whether it is the same person."""
    registry.duplicates.decide(actor, application_id, number, body.decision, body.reason)
    return read_matches(registry, actor, application_id)
