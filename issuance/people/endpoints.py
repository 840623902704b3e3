"""/v1/people: searching, exporting, erasing. Who is meant stands in the body: an URL goes into logs."""

from fastapi import APIRouter, Response

from issuance.lookups.models import What
from issuance.people.export import packed
from issuance.people.schemas import (
    ErasureBody,
    ErasureNumber,
    PeopleAnswer,
    PersonBody,
    SearchBody,
    WaitingErasure,
    people_answer,
)
from issuance.registry.nationalcode import normalise
from issuance.web.access import ApiActor, Registry
from issuance.web.looks import Look
from issuance.web.schemas import Nothing

router = APIRouter(prefix="/v1/people", tags=["people"])

ZIP = "application/zip"


@router.post("/searches")
def search(registry: Registry, look: Look, body: SearchBody) -> PeopleAnswer:
    """People by code or names, twenty at a time; names one slip of the pen away come last."""
    found = registry.people.find(look.actor, body.words, body.cursor)
    with registry.lookups.looking(look) as looking:
        for person, _ in found.people:
            looking.saw(What.LIST, person.national_code)
    return people_answer(found)


@router.post("/exports", response_class=Response, responses={200: {"content": {ZIP: {}}}})
def export(registry: Registry, look: Look, body: PersonBody) -> Response:
    """Everything that is held of a person: a ZIP of person.json, its signature and the portraits."""
    made = registry.exports.make(look, normalise(body.national_code))
    headers = {"Content-Disposition": 'attachment; filename="person.zip"', "Cache-Control": "no-store"}
    return Response(packed(made), media_type=ZIP, headers=headers)


@router.get("/erasures")
def waiting(registry: Registry, look: Look) -> list[WaitingErasure]:
    """Erasures that wait for a second person, the oldest first; the newest hundred of them."""
    found = registry.erasures.waiting(look.actor)
    with registry.lookups.looking(look) as looking:
        for erasure in found:
            looking.saw(What.LIST, erasure.national_code)
    return [WaitingErasure.model_validate(erasure) for erasure in found]


@router.post("/erasures", status_code=201)
def request_erasure(registry: Registry, actor: ApiActor, body: ErasureBody) -> ErasureNumber:
    """Asks for the erasure of a person's data; another supervisor confirms it."""
    return ErasureNumber(id=registry.erasures.request(actor, normalise(body.national_code), body.ground))


@router.post("/erasures/{erasure_id}/confirmation", status_code=204)
def confirm_erasure(
    registry: Registry, actor: ApiActor, erasure_id: str, _body: Nothing | None = None
) -> None:
    """Erases, for good."""
    registry.erasures.confirm(actor, erasure_id)


@router.post("/erasures/{erasure_id}/withdrawal", status_code=204)
def withdraw_erasure(
    registry: Registry, actor: ApiActor, erasure_id: str, _body: Nothing | None = None
) -> None:
    """Takes back one that nobody has confirmed."""
    registry.erasures.withdraw(actor, erasure_id)
