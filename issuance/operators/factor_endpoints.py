"""/v1/second-factor: an operator's authenticator app."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi import Request as HttpRequest
from pydantic import Field, SecretStr

from issuance.operators.endpoints import Code
from issuance.web.access import ApiActor, Registry, bearer_token
from issuance.web.clients import client_network
from issuance.web.schemas import Answer, Request

router = APIRouter(prefix="/v1/second-factor", tags=["sessions"])


class BeginBody(Request):
    """The operator's own password, once more."""

    password: SecretStr = Field(max_length=1024)


class NewFactorAnswer(Answer):
    """What the authenticator app is told, this once: an otpauth:// address, or its key in base 32."""

    uri: str
    secret: str


class FirstCodeBody(Request):
    """What the app shows now."""

    code: Code


@router.post("", status_code=201)
def begin(request: HttpRequest, registry: Registry, actor: ApiActor, body: BeginBody) -> NewFactorAnswer:
    """A new key, which counts from its first right code on."""
    password = body.password.get_secret_value()
    new = registry.second_factors.begin(actor, password, client_network(request))
    return NewFactorAnswer(uri=new.uri, secret=new.secret)


@router.post("/confirmation", status_code=204)
def confirm(
    registry: Registry,
    _actor: ApiActor,
    token: Annotated[str, Depends(bearer_token)],
    body: FirstCodeBody,
) -> None:
    """The first code; the session has both factors from here on, and the account's others end."""
    registry.second_factors.confirm(token, body.code.get_secret_value())
