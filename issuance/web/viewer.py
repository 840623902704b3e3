"""What every page of a signed-in operator needs."""

from contextlib import suppress

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from issuance.errors import InvalidInputError, NotSignedInError
from issuance.lookups.purposes import Said
from issuance.operators.service import Actor
from issuance.web.access import csrf_token, registry_of, session_token
from issuance.web.looks import said_at_pages


def somebody(request: Request) -> Actor | None:
    """The operator whose session the browser has, on pages that are for everybody."""
    with suppress(NotSignedInError, SQLAlchemyError):  # a page that says that the database is away
        token = session_token(request)
        return registry_of(request).operators.actor(token)
    return None


def viewer(request: Request, actor: Actor) -> dict[str, object]:
    """The operator and the token of their forms."""
    said: Said | None = None
    with suppress(InvalidInputError):
        said = said_at_pages(request, actor.role)
    return {"actor": actor, "csrf": csrf_token(session_token(request)), "said": said}
