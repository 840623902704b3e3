"""Web origins as Web eID signs them: the ASCII serialisation of RFC 6454, section 6.2, https only."""

import re

from verifier.services.errors import OriginInvalidError

MAXIMUM_CHARACTERS = 255
_SCHEME = "https://"
_DEFAULT_PORT = 443
_MAXIMUM_PORT = 65_535
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_AUTHORITY = re.compile(r"(?P<host>[^:]+)(:(?P<port>[1-9][0-9]{0,4}))?")


def validate_origin(origin: str) -> str:
    """Gives `origin` back when it is exactly what a browser would call the site; else OriginInvalidError.

    Nothing is corrected: what is registered is hashed into every signature, so it must be right to the byte.
    """
    if len(origin) > MAXIMUM_CHARACTERS:
        raise OriginInvalidError(origin[:MAXIMUM_CHARACTERS], f"longer than {MAXIMUM_CHARACTERS} characters")
    if not origin.isascii():
        raise OriginInvalidError(origin, "not ASCII; write international names in punycode (xn--…)")
    if not origin.startswith(_SCHEME):
        raise OriginInvalidError(origin, "does not start with https://")
    authority = origin.removeprefix(_SCHEME)
    if not authority or any(character in authority for character in "/?#@\\"):
        raise OriginInvalidError(origin, "only scheme, host and port; no path, slash, query or user")
    _validate_authority(origin, authority)
    return origin


def _validate_authority(origin: str, authority: str) -> None:
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise OriginInvalidError(origin, "not a host name with an optional port")
    if not all(_LABEL.fullmatch(label) for label in match["host"].split(".")):
        raise OriginInvalidError(origin, "the host is not a lower-case DNS name")
    port = int(match["port"] or 0)
    if port == _DEFAULT_PORT:
        raise OriginInvalidError(origin, "browsers leave the default port 443 out")
    if port > _MAXIMUM_PORT:
        raise OriginInvalidError(origin, "the port is above 65535")
