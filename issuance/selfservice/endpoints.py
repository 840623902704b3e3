"""/v1/citizen-sessions and /v1/my-record: a citizen, with their card, and their own record alone."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends

from issuance.enrolment.kinds import ApplicationKind
from issuance.lifecycle.states import ApplicationState, CardState
from issuance.lookups.endpoints import Cursor, LooksAnswer, looks_answer
from issuance.operators.cardtokens import CardBody
from issuance.operators.endpoints import ChallengeAnswer, SessionAnswer
from issuance.selfservice.service import SESSION_LIFE
from issuance.web.access import CitizenHolder, Registry, bearer_token
from issuance.web.schemas import Answer, Nothing

router = APIRouter(prefix="/v1", tags=["citizens"])


class OwnApplicationAnswer(Answer):
    """An application in short."""

    id: str
    kind: ApplicationKind
    state: ApplicationState
    office: str
    created_at: datetime


class OwnCardAnswer(Answer):
    """A card in short; `decree` has extended it beyond the date that it bears."""

    card_number: str
    state: CardState
    delivered_at: datetime | None
    ended_at: datetime | None
    valid_until: datetime | None
    decree: str | None
    held: bool
    """Its keys are to be renewed, at any office."""


class OwnRecordAnswer(Answer):
    """Newest first."""

    applications: list[OwnApplicationAnswer]
    cards: list[OwnCardAnswer]


@router.post("/citizen-sessions/card-challenges", status_code=201)
def challenge(registry: Registry, _body: Nothing | None = None) -> ChallengeAnswer:
    """What a national card has to sign; it serves once."""
    given = registry.citizen_login.challenge()
    return ChallengeAnswer(nonce=given.nonce, origin=given.origin, expires_at=given.expires_at)


@router.post("/citizen-sessions", status_code=201)
def sign_in(registry: Registry, body: CardBody) -> SessionAnswer:
    """Opens the session of the citizen whose card signed the challenge, by the verifier's word."""
    token = registry.citizen_login.sign_in(body.token.as_received(), body.nonce)
    return SessionAnswer(token=token, expires_in=int(SESSION_LIFE.total_seconds()))


@router.delete("/citizen-sessions/current", status_code=204)
def sign_out(registry: Registry, token: Annotated[str, Depends(bearer_token)]) -> None:
    """Ends the session of the token that is sent."""
    registry.citizen_login.sign_out(token)


@router.get("/my-record")
def read_own_record(registry: Registry, holder: CitizenHolder) -> OwnRecordAnswer:
    """The citizen's own applications and cards, in short."""
    return OwnRecordAnswer.model_validate(registry.own_records.record(holder))


@router.get("/my-record/lookups")
def read_own_lookups(registry: Registry, holder: CitizenHolder, cursor: Cursor = None) -> LooksAnswer:
    """Who looked at the citizen's own record: office, role, time, purpose and what was seen."""
    return looks_answer(registry.own_records.looks(holder, cursor))
