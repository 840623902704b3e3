"""/v1/histories/{whose}: what happened, newest first, page by page.

The identifier comes in the body: a national code stands in no URL.
"""

from datetime import datetime

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from pydantic import Field

from issuance.histories.service import MOST, HistoryOf, person_of
from issuance.lookups.models import What
from issuance.web.access import ApiActor, Registry
from issuance.web.describing import PURPOSE_OF_SOME
from issuance.web.looks import HEADER, looker
from issuance.web.schemas import Answer, Request

router = APIRouter(prefix="/v1/histories", tags=["histories"])

_MAX_IDENTIFIER = 64
_MAX_CURSOR = 64


class HistoryBody(Request):
    """Whose history, and from where on."""

    identifier: str = Field(min_length=1, max_length=_MAX_IDENTIFIER)
    cursor: str | None = Field(default=None, max_length=_MAX_CURSOR)
    most: int = Field(default=50, ge=1, le=MOST)


class EventAnswer(Answer):
    """One thing that happened."""

    at: datetime
    who: str
    what: str
    subject: str
    why: str
    details: dict[str, object]


class HistoryAnswer(Answer):
    """Events, newest first; `next` is the cursor of the page after this."""

    events: list[EventAnswer]
    next: str | None


@router.post("/{whose}", openapi_extra=PURPOSE_OF_SOME)
def read(
    request: HttpRequest, registry: Registry, actor: ApiActor, whose: HistoryOf, body: HistoryBody
) -> HistoryAnswer:
    """One page of a history: of a citizen, an order, a card or a batch; all but a batch's are a person's."""
    if whose is not HistoryOf.BATCH:
        with registry.lookups.looking(looker(request, actor, request.headers.get(HEADER))) as looking:
            looking.saw(What.HISTORY, person_of(looking.session, whose, body.identifier))
    page = registry.histories.page(actor, whose, body.identifier, body.cursor, body.most)
    return HistoryAnswer.model_validate(page)
