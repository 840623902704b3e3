"""/v1/people: searching. What is looked for stands in the body: an URL goes into logs and histories."""

from fastapi import APIRouter

from issuance.people.schemas import PeopleAnswer, SearchBody, people_answer
from issuance.web.access import ApiActor, Registry

router = APIRouter(prefix="/v1/people", tags=["people"])


@router.post("/searches")
def search(registry: Registry, actor: ApiActor, body: SearchBody) -> PeopleAnswer:
    """People by code or names, twenty at a time; names one slip of the pen away come last."""
    return people_answer(registry.people.find(actor, body.words, body.cursor))
