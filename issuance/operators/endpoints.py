"""/v1/sessions: signing in and out, and proving once more who one is."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field, SecretStr

from issuance.operators.cardtokens import CardBody
from issuance.operators.models import USERNAME_LENGTH
from issuance.operators.service import SESSION_LIFE
from issuance.web.access import Registry, bearer_token
from issuance.web.clients import client_network
from issuance.web.schemas import Answer, Nothing
from issuance.web.schemas import Request as Body

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])


Code = Annotated[SecretStr, Field(min_length=1, max_length=16)]
"""What an authenticator app shows, for accounts that have one."""


def told(code: SecretStr | None) -> str | None:
    """A code that came, as it was typed."""
    return None if code is None else code.get_secret_value()


class Credentials(Body):
    """An operator's name and password, and the code of their authenticator app."""

    username: str = Field(min_length=1, max_length=USERNAME_LENGTH)
    password: SecretStr = Field(max_length=1024)
    code: Code | None = None


class SessionAnswer(Answer):
    """A bearer token and its life in seconds."""

    token: str
    expires_in: int
    second_factor_needed: bool = False
    """The session adds the second factor that it lacks (/v1/second-factor), and does nothing else."""
    failed_tries: int = 0
    """Wrong passwords and codes since the sign-in before this one."""
    last_failed_at: datetime | None = None


class PasswordProof(Body):
    """The password once more, and the code where the account has a second factor."""

    password: SecretStr = Field(max_length=1024)
    code: Code | None = None


class ChallengeAnswer(Answer):
    """A nonce, and the origin that it is signed with."""

    nonce: str
    origin: str
    expires_at: str
    """ISO 8601, with its offset."""


@router.post("", status_code=201)
def sign_in(request: Request, registry: Registry, body: Credentials) -> SessionAnswer:
    """Opens a session."""
    password = body.password.get_secret_value()
    code = told(body.code)
    token = registry.operators.sign_in(body.username, password, client_network(request), code)
    return _answer(registry, token)


@router.post("/card-challenges", status_code=201)
def challenge(registry: Registry, _body: Nothing | None = None) -> ChallengeAnswer:
    """What an operator's card has to sign; it serves once."""
    given = registry.card_login.challenge()
    return ChallengeAnswer(nonce=given.nonce, origin=given.origin, expires_at=given.expires_at)


@router.post("/by-card", status_code=201)
def sign_in_with_card(registry: Registry, body: CardBody) -> SessionAnswer:
    """Opens the session of the operator whose card signed the challenge, by the verifier's word."""
    return _answer(registry, registry.card_login.sign_in(body.token.as_received(), body.nonce))


@router.post("/current/proof", status_code=204)
def prove(
    request: Request,
    registry: Registry,
    token: Annotated[str, Depends(bearer_token)],
    body: PasswordProof | CardBody,
) -> None:
    """Makes the session's proof new: decisions want one of the last five minutes."""
    if isinstance(body, CardBody):
        registry.card_login.prove(token, body.token.as_received(), body.nonce)
    else:
        password = body.password.get_secret_value()
        registry.operators.prove(token, password, client_network(request), told(body.code))


@router.delete("/current", status_code=204)
def sign_out(registry: Registry, token: Annotated[str, Depends(bearer_token)]) -> None:
    """Ends the session of the token that is sent."""
    registry.operators.sign_out(token)


def _answer(registry: Registry, token: str) -> SessionAnswer:
    lacking = registry.operators.enrols_only(registry.operators.standing(token))
    life = int(SESSION_LIFE.total_seconds())
    failed = registry.operators.failed_before(token)
    return SessionAnswer(
        token=token,
        expires_in=life,
        second_factor_needed=lacking,
        failed_tries=failed.tries,
        last_failed_at=failed.last_at,
    )
