"""Who asks, and whether they may: a bearer token at the API, a session cookie at the pages.

Neither opens the other's door. Every route passes `gate`, whether it asks for an operator or not.
"""

import hashlib
import hmac
from typing import Annotated, cast

from fastapi import Depends, Request

from issuance.bootstrap import Issuance
from issuance.errors import NotSignedInError, RouteClosedError
from issuance.operators.service import Actor
from issuance.selfservice.errors import CitizenNotSignedInError
from issuance.selfservice.service import Holder
from issuance.web.permissions import permission

_SCHEME = "bearer "
_MAX_TOKEN = 128
_CSRF_LABEL = b"hoviat csrf v1"
API_PREFIX = "/v1/"
"""What programs ask for stands below it; the rest is for people."""


def registry_of(request: Request) -> Issuance:
    """The registry behind this application."""
    return cast("Issuance", request.app.state.registry)


Registry = Annotated[Issuance, Depends(registry_of)]


def bearer_token(request: Request) -> str:
    """The token of the Authorization header (RFC 6750 §2.1). Raises NotSignedInError."""
    header = request.headers.get("authorization", "")
    if not header.lower().startswith(_SCHEME) or len(header) > _MAX_TOKEN:
        raise NotSignedInError
    return header[len(_SCHEME) :].strip()


def cookie_name(registry: Issuance) -> str:
    """The session cookie; over https its prefix ties it to this host and to TLS (RFC 6265bis §4.1.3)."""
    return "__Host-hoviat-session" if is_secure(registry) else "hoviat-session"


def is_secure(registry: Issuance) -> bool:
    """Whether the registry is reached over https."""
    return registry.public_url.startswith("https://")


def citizen_cookie_name(registry: Issuance) -> str:
    """The citizens' own, beside an operator's in the same browser."""
    return "__Host-hoviat-citizen" if is_secure(registry) else "hoviat-citizen"


def citizen_session_token(request: Request) -> str:
    """The token of a citizen's cookie. Raises CitizenNotSignedInError."""
    token = request.cookies.get(citizen_cookie_name(registry_of(request)), "")
    if not token or len(token) > _MAX_TOKEN:
        raise CitizenNotSignedInError
    return token


def session_token(request: Request) -> str:
    """The token of the session cookie. Raises NotSignedInError."""
    token = request.cookies.get(cookie_name(registry_of(request)), "")
    if not token or len(token) > _MAX_TOKEN:
        raise NotSignedInError
    return token


def gate(request: Request, registry: Registry) -> Actor | Holder | None:
    """The operator, whose role has this route and whose office its object; None where anybody may.

    At a citizens' route it is the citizen. Neither's session opens a route of the other's.

    Raises RouteClosedError for a route that the table doesn't have, NotSignedInError, MethodNotAllowedError,
    RoleRequiredError, NotFoundError or FreshProofNeededError.
    """
    path = str(request.scope["route"].path)
    line = permission(request.method, path)
    if line is None:
        raise RouteClosedError
    if line.is_public:
        return None
    if line.citizen:
        return registry.citizen_login.holder(_citizen_token(request, path))
    token = bearer_token(request) if path.startswith(API_PREFIX) else session_token(request)
    standing = registry.operators.standing(token)
    actor = standing.actor
    if not line.incomplete:
        registry.operators.require_method(standing)
    actor.require(*sorted(line.roles))
    if line.fresh:
        registry.operators.require_fresh(standing)
    if line.object is not None:
        with registry.database.reading() as session:
            actor.require_office(line.object.office_of(session, request.path_params), line.object.name)
    return actor


def _citizen_token(request: Request, path: str) -> str:
    if not path.startswith(API_PREFIX):
        return citizen_session_token(request)
    try:
        return bearer_token(request)
    except NotSignedInError:
        raise CitizenNotSignedInError from None


async def signed_in(actor: Annotated[Actor | Holder | None, Depends(gate)]) -> Actor:
    """The operator who asks. Raises NotSignedInError at a route that is for others."""
    if not isinstance(actor, Actor):
        raise NotSignedInError
    return actor


async def citizen_signed_in(holder: Annotated[Actor | Holder | None, Depends(gate)]) -> Holder:
    """The citizen who asks. Raises CitizenNotSignedInError at a route that is for others."""
    if not isinstance(holder, Holder):
        raise CitizenNotSignedInError
    return holder


CitizenHolder = Annotated[Holder, Depends(citizen_signed_in)]


ApiActor = Annotated[Actor, Depends(signed_in)]
PageActor = ApiActor
"""By the session's cookie; the gate tells the two apart by the path."""


def csrf_token(session: str) -> str:
    """The forms' token: only who knows the session can know it, and it does not tell the session."""
    return hmac.new(session.encode(), _CSRF_LABEL, hashlib.sha256).hexdigest()
