"""/v1/cards/{number}/pass-phrase, agreed in person, and /v1/suspension-calls, where it is said."""

from fastapi import APIRouter
from pydantic import Field, SecretStr

from issuance.calls.phrases import MAX_TYPED
from issuance.web.access import ApiActor, Registry
from issuance.web.days import Day
from issuance.web.schemas import Answer, Request

router = APIRouter(prefix="/v1", tags=["calls"])

_MAX_CODE = 20


class PhraseBody(Request):
    """What the holder has chosen; it is kept stretched."""

    pass_phrase: SecretStr = Field(min_length=1, max_length=MAX_TYPED)


class CallBody(Request):
    """What the caller has said; digits of any script, the date as the calendar of the register has it."""

    national_code: str = Field(min_length=1, max_length=_MAX_CODE, repr=False)
    birth_date: Day = Field(repr=False)
    pass_phrase: SecretStr = Field(min_length=1, max_length=MAX_TYPED)


class CallAnswer(Answer):
    """The card that is stopped now."""

    card_number: str


@router.put("/cards/{card_number}/pass-phrase", status_code=204)
def agree(registry: Registry, actor: ApiActor, card_number: str, body: PhraseBody) -> None:
    """Agrees with the holder, who was just checked, on a phrase for the telephone."""
    registry.calls.agree(actor, card_number, body.pass_phrase.get_secret_value())


@router.post("/suspension-calls", status_code=201)
def call(registry: Registry, actor: ApiActor, body: CallBody) -> CallAnswer:
    """Stops the caller's card."""
    phrase = body.pass_phrase.get_secret_value()
    number = registry.calls.suspend(actor, body.national_code, body.birth_date, phrase)
    return CallAnswer(card_number=number)
