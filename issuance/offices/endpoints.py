"""/v1/offices."""

from fastapi import APIRouter
from pydantic import Field

from issuance.offices.models import OFFICE_CODE_LENGTH, OFFICE_NAME_LENGTH
from issuance.offices.service import NewOffice
from issuance.web.access import ApiActor, Registry
from issuance.web.schemas import Answer, Nothing, Request

router = APIRouter(prefix="/v1/offices", tags=["offices"])

_NAME = Field(min_length=1, max_length=OFFICE_NAME_LENGTH)


class NewOfficeBody(Request):
    """An office to be opened."""

    code: str = Field(min_length=1, max_length=OFFICE_CODE_LENGTH)
    persian_name: str = _NAME
    latin_name: str = _NAME
    province: str = _NAME


class OfficeAnswer(Answer):
    """An office."""

    code: str
    persian_name: str
    latin_name: str
    province: str
    inspects: bool


@router.get("")
def list_offices(registry: Registry, _actor: ApiActor) -> list[OfficeAnswer]:
    """All offices, by code."""
    return [OfficeAnswer.model_validate(office) for office in registry.offices.all()]


@router.post("", status_code=201)
def open_office(registry: Registry, actor: ApiActor, body: NewOfficeBody) -> OfficeAnswer:
    """Adds an office."""
    new = NewOffice(body.code, body.persian_name, body.latin_name, body.province)
    return OfficeAnswer.model_validate(registry.offices.open(actor, new))


@router.put("/{code}/inspection")
def begin_inspection(
    registry: Registry, actor: ApiActor, code: str, _body: Nothing | None = None
) -> OfficeAnswer:
    """Its cards are inspected by a second person, from now on."""
    return OfficeAnswer.model_validate(registry.offices.set_inspection(actor, code, inspects=True))


@router.delete("/{code}/inspection")
def end_inspection(registry: Registry, actor: ApiActor, code: str) -> OfficeAnswer:
    """They are inspected no more."""
    return OfficeAnswer.model_validate(registry.offices.set_inspection(actor, code, inspects=False))
