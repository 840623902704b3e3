"""/v1/sessions: signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field, SecretStr

from issuance.operators.cardtokens import CardBody
from issuance.operators.models import USERNAME_LENGTH
from issuance.operators.service import SESSION_LIFE
from issuance.web.access import Registry, bearer_token
from issuance.web.clients import client_address
from issuance.web.schemas import Answer, Nothing
from issuance.web.schemas import Request as Body

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])


class Credentials(Body):
    """An operator's name and password."""

    username: str = Field(min_length=1, max_length=USERNAME_LENGTH)
    password: SecretStr = Field(max_length=1024)


class SessionAnswer(Answer):
    """A bearer token and its life in seconds."""

    token: str
    expires_in: int


class ChallengeAnswer(Answer):
    """A nonce, and the origin that it is signed with."""

    nonce: str
    origin: str
    expires_at: str
    """ISO 8601, with its offset."""


@router.post("", status_code=201)
def sign_in(request: Request, registry: Registry, body: Credentials) -> SessionAnswer:
    """Opens a session."""
    token = registry.operators.sign_in(
        body.username, body.password.get_secret_value(), client_address(request)
    )
    return SessionAnswer(token=token, expires_in=int(SESSION_LIFE.total_seconds()))


@router.post("/card-challenges", status_code=201)
def challenge(registry: Registry, _body: Nothing | None = None) -> ChallengeAnswer:
    """What an operator's card has to sign; it serves once."""
    given = registry.card_login.challenge()
    return ChallengeAnswer(nonce=given.nonce, origin=given.origin, expires_at=given.expires_at)


@router.post("/by-card", status_code=201)
def sign_in_with_card(registry: Registry, body: CardBody) -> SessionAnswer:
    """Opens the session of the operator whose card signed the challenge, by the verifier's word."""
    token = registry.card_login.sign_in(body.token.as_received(), body.nonce)
    return SessionAnswer(token=token, expires_in=int(SESSION_LIFE.total_seconds()))


@router.delete("/current", status_code=204)
def sign_out(registry: Registry, token: Annotated[str, Depends(bearer_token)]) -> None:
    """Ends the session of the token that is sent."""
    registry.operators.sign_out(token)
