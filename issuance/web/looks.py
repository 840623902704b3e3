"""Why somebody looks at a person's record: programs say it in a header, the pages by the session's choice."""

from typing import Annotated

from fastapi import Depends, Header, Request

from issuance.lookups.purposes import Purpose, Said, parse
from issuance.lookups.service import Looker
from issuance.operators.models import Role
from issuance.web.access import API_PREFIX, ApiActor

HEADER = "Hoviat-Purpose"
COOKIE = "hoviat-purpose"
_CASE_FOLLOWS = ":"
_ORDINARY = {
    Role.CLERK: Purpose.ENROLMENT,
    Role.SUPERVISOR: Purpose.DECISION,
    Role.PRODUCTION: Purpose.PRODUCTION,
}
"""What a role's pages are for until somebody says otherwise; an auditor always has a case."""


def said_at_pages(request: Request, role: Role) -> Said:
    """What the browser's operator has chosen, or their ordinary work. Raises PurposeMissingError."""
    chosen = request.cookies.get(COOKIE)
    if chosen is None and role in _ORDINARY:
        return Said(_ORDINARY[role])
    return parse(None if chosen is None else chosen.replace(_CASE_FOLLOWS, "; case=", 1))


def as_cookie(said: Said) -> str:
    """The choice as `said_at_pages` reads it again: cookies can't hold a semicolon (RFC 6265 §4.1.1)."""
    return said.purpose.value if said.case is None else f"{said.purpose.value}{_CASE_FOLLOWS}{said.case}"


Spoken = Annotated[str | None, Header(alias=HEADER)]
"""The header as it came. What it may be is said by `issuance.web.describing` and judged by `parse`: whoever
says nothing is told what can be said."""


def looker(request: Request, actor: ApiActor, spoken: Spoken = None) -> Looker:
    """The operator and their purpose. Raises PurposeMissingError or PurposeError."""
    if str(request.scope["route"].path).startswith(API_PREFIX):
        return Looker(actor, parse(spoken))
    return Looker(actor, said_at_pages(request, actor.role))


Look = Annotated[Looker, Depends(looker)]
