"""Forms from our own pages only: the session's token in the form, and the browser's word on its origin."""

import hmac
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Form, Request

from issuance.errors import AccessError
from issuance.operators.service import Actor
from issuance.selfservice.service import Holder
from issuance.web.access import (
    CitizenHolder,
    PageActor,
    citizen_session_token,
    csrf_token,
    registry_of,
    session_token,
)
from issuance.web.clients import scheme_of

_OWN_SITES = {"same-origin", "none"}  # Fetch Metadata: "none" is the person's own doing


class ForeignFormError(AccessError):
    """The form does not come from this session's own page."""

    kind = "foreign-form"

    def __init__(self) -> None:
        super().__init__("this form is not from your own page; open the page again")


def own_origin(request: Request) -> None:
    """Raises ForeignFormError if the browser says that another site sent the form."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in _OWN_SITES:
        raise ForeignFormError
    origin = request.headers.get("origin")
    if origin is not None and origin != _own(request):
        raise ForeignFormError


def _own(request: Request) -> str:
    """Our origin (RFC 6454 §6.2) as this browser sees it: scheme, host and port.

    Under the public name it is the public URL's, whatever TLS the proxy takes off: a page that somebody
    else serves by plain http under our name is not ours.
    """
    host = request.headers.get("host", "")
    public = urlsplit(registry_of(request).public_url)
    return f"{public.scheme if host == public.netloc else scheme_of(request)}://{host}"


def form_actor(
    actor: PageActor,
    session: Annotated[str, Depends(session_token)],
    _own: Annotated[None, Depends(own_origin)],
    csrf: Annotated[str, Form(max_length=128)] = "",
) -> Actor:
    """The operator who sent a form from their own page. Raises ForeignFormError or NotSignedInError."""
    require_token(session, csrf)
    return actor


def require_token(session: str, csrf: str) -> None:
    """Raises ForeignFormError unless the form has the session's token."""
    if not hmac.compare_digest(csrf.encode(errors="replace"), csrf_token(session).encode()):
        raise ForeignFormError


FormActor = Annotated[Actor, Depends(form_actor)]


def form_citizen(
    holder: CitizenHolder,
    session: Annotated[str, Depends(citizen_session_token)],
    _own: Annotated[None, Depends(own_origin)],
    csrf: Annotated[str, Form(max_length=128)] = "",
) -> Holder:
    """The citizen who sent a form from their own page. Raises ForeignFormError or CitizenNotSignedInError."""
    if not hmac.compare_digest(csrf.encode(), csrf_token(session).encode()):
        raise ForeignFormError
    return holder


FormCitizen = Annotated[Holder, Depends(form_citizen)]
