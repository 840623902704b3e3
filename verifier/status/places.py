"""Where status is fetched: addresses (URLs) read strictly, and held against the hosts that are allowed."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from verifier.authentication.statuserrors import SourceFault, StatusSourceUnknownError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_URL = 2_048
_URL = re.compile(r"[!-~]+")
"""RFC 3986 §2 has no other characters than printable ASCII; a blank or control is someone's trick."""
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*|[0-9a-f]*:[0-9a-f:.]{{1,45}}")
"""A name without a final period, an IPv4 address, or an IPv6 one (without its brackets)."""
_MAX_PORT = 65_535


@dataclass(frozen=True)
class Place:
    """An http or https URL in its parts."""

    scheme: str
    host: str
    """Lower case; an IPv6 address without brackets."""
    port: int
    target: str
    """Path and query."""

    @property
    def url(self) -> str:
        """In one spelling, for keys and comparison."""
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def authority(self) -> str:
        """What the Host field says (RFC 9110 §7.2)."""
        host = bracketed(self.host)
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def at(self, address: str) -> str:
        """The URL with an address instead of the name."""
        return f"{self.scheme}://{bracketed(address)}:{self.port}{self.target}"


def bracketed(host: str) -> str:
    """An IPv6 address as URLs write it (RFC 3986 §3.2.2)."""
    return f"[{host}]" if ":" in host else host


def read_place(url: str) -> Place:
    """Raises StatusSourceUnknownError for whatever is not plainly http(s)://host[:port][/path][?query]."""
    try:
        return _read(url)
    except ValueError as error:
        raise StatusSourceUnknownError(SourceFault.ADDRESS_REFUSED) from error


def _read(url: str) -> Place:
    if len(url) > _MAX_URL or _URL.fullmatch(url) is None or "\\" in url:
        raise ValueError("not a URL")
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if parts.scheme not in _DEFAULT_PORTS or "@" in parts.netloc or "#" in url:
        raise ValueError("not http, or with more than host, path and query")
    if _HOST.fullmatch(host) is None or ("[" in parts.netloc) != (":" in host):
        raise ValueError("not a host")
    port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    if not 0 < port <= _MAX_PORT:
        raise ValueError("not a port")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, host, port, target)


def is_host(text: str) -> bool:
    """Whether a configured host is well-formed: a name or an address in lower case, perhaps with `:port`."""
    try:
        place = _read(f"http://{text}/")
    except ValueError:
        return False
    return text in {bracketed(place.host), f"{bracketed(place.host)}:{place.port}"}


def require_allowed(place: Place, hosts: Collection[str] | None) -> None:
    """Raises StatusSourceUnknownError unless the host is listed, with its port where that isn't the usual.

    None: any host. The addresses behind it are looked at in any case.
    """
    if (
        hosts is not None
        and place.authority not in hosts
        and f"{bracketed(place.host)}:{place.port}" not in hosts
    ):
        raise StatusSourceUnknownError(SourceFault.ADDRESS_REFUSED)
