"""Who asks: a bearer token at the API, a session cookie at the pages. Neither opens the other's door."""

import hashlib
import hmac
from typing import Annotated, cast

from fastapi import Depends, Request

from issuance.bootstrap import Issuance
from issuance.errors import NotSignedInError
from issuance.operators.service import Actor

_SCHEME = "bearer "
_MAX_TOKEN = 128
_CSRF_LABEL = b"hoviat csrf v1"


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


def api_actor(registry: Registry, token: Annotated[str, Depends(bearer_token)]) -> Actor:
    """The operator who calls the API. Raises NotSignedInError."""
    return registry.operators.actor(token)


ApiActor = Annotated[Actor, Depends(api_actor)]


def cookie_name(registry: Issuance) -> str:
    """The session cookie; over https its prefix ties it to this host and to TLS (RFC 6265bis §4.1.3)."""
    return "__Host-hoviat-session" if is_secure(registry) else "hoviat-session"


def is_secure(registry: Issuance) -> bool:
    """Whether the registry is reached over https."""
    return registry.public_url.startswith("https://")


def session_token(request: Request) -> str:
    """The token of the session cookie. Raises NotSignedInError."""
    token = request.cookies.get(cookie_name(registry_of(request)), "")
    if not token or len(token) > _MAX_TOKEN:
        raise NotSignedInError
    return token


def page_actor(registry: Registry, token: Annotated[str, Depends(session_token)]) -> Actor:
    """The operator who looks at a page. Raises NotSignedInError."""
    return registry.operators.actor(token)


PageActor = Annotated[Actor, Depends(page_actor)]


def csrf_token(session: str) -> str:
    """The forms' token: only who knows the session can know it, and it does not tell the session."""
    return hmac.new(session.encode(), _CSRF_LABEL, hashlib.sha256).hexdigest()
