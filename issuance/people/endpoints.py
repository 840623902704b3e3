"""/v1/people: searching. What is looked for stands in the body: an URL goes into logs and histories."""

from fastapi import APIRouter

from issuance.lookups.models import What
from issuance.people.schemas import PeopleAnswer, SearchBody, people_answer
from issuance.web.access import Registry
from issuance.web.looks import Look

router = APIRouter(prefix="/v1/people", tags=["people"])


@router.post("/searches")
def search(registry: Registry, look: Look, body: SearchBody) -> PeopleAnswer:
    """People by code or names, twenty at a time; names one slip of the pen away come last."""
    found = registry.people.find(look.actor, body.words, body.cursor)
    with registry.lookups.looking(look) as looking:
        for person, _ in found.people:
            looking.saw(What.LIST, person.national_code)
    return people_answer(found)
