"""Which CAs the log has told of so far, and whether one of them can have issued what an entry says."""

from collections.abc import Mapping

from pki.auditchain import Json
from pki.errors import IssuerNameError
from pki.hierarchy import parse_issuer_name
from pki.profiles.definitions import DEFINITIONS
from pki.profiles.profile import Profile
from pki.profiles.shape import ProfileDefinition

_CA_REQUEST = "ca-"
"""How the requests of CAs' own certificates begin; the name follows."""
_TOP_BITS = 126
"""A serial of ours has 127 bits, the highest set (`pki.authority.intents.new_serial`)."""


class AuthoritiesTold:
    """Grows with each CA's own certificate, in the order of the log."""

    def __init__(self) -> None:
        self._certified: set[str] = set()

    def fault(self, serial: bytes, details: Mapping[str, Json]) -> str | None:
        """Why no authority of this log can have issued a certificate so; None: one can have."""
        definition, issuer = _definition(details.get("profile")), str(details.get("issuer"))
        if definition is None:
            return "of no profile"
        if int.from_bytes(serial) >> _TOP_BITS != 1:
            return "under a serial that no CA here gives"
        own = _own_name(details) if definition.ca is not None else None
        if issuer not in self._certified and not (definition.self_signed and own == issuer):
            return f"by {issuer!r}, a CA of which no entry before tells"
        if not _issues(issuer, definition):
            return f"by {issuer!r}, a CA that issues no such profile"
        if own is not None:
            self._certified.add(own)
        return None


def _definition(profile: Json) -> ProfileDefinition | None:
    try:
        return DEFINITIONS[Profile(profile)]
    except ValueError:
        return None


def _own_name(details: Mapping[str, Json]) -> str | None:
    request = str(details.get("request"))
    return request.removeprefix(_CA_REQUEST) if request.startswith(_CA_REQUEST) else None


def _issues(issuer: str, definition: ProfileDefinition) -> bool:
    try:
        role, _ = parse_issuer_name(issuer)
    except IssuerNameError:
        return False
    return role in definition.issued_by
