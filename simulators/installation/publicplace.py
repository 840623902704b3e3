"""Whether a server listens where the home's public URL sends everybody."""

from ipaddress import ip_address
from urllib.parse import urlsplit

_HTTP_PORT = 80


def elsewhere(public_url: str, host: str, port: int) -> bool:
    """Whether nobody who follows the public URL comes to a server at `host`:`port`, as far as that is seen.

    An https URL is a proxy's, since the server itself speaks http; names may lead anywhere.
    """
    public = urlsplit(public_url)
    if public.scheme == "https":
        return False
    if (public.port or _HTTP_PORT) != port:
        return True
    try:
        named, own = ip_address(public.hostname or ""), ip_address(host)
    except ValueError:
        return False
    return named != own and not own.is_unspecified
