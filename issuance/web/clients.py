"""Where a request comes from, as far as that is known."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from fastapi import Request

_IPV6_PREFIX = 64
_SCHEMES = frozenset({"http", "https"})


def client_network(request: Request) -> str:
    """Whose tries are counted together: an IPv4 address, or an IPv6 network of one customer (RFC 6177 §2).

    Behind a proxy of our own network it is the address that the proxy saw, the last of X-Forwarded-For. Who
    reaches us from inside can make that up; it gains tries, and takes none from anybody.
    """
    peer = _peer(request)
    if _is_ours(peer):
        peer = _parse(request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()) or peer
    if isinstance(peer, IPv6Address):
        return str(ip_network((peer, _IPV6_PREFIX), strict=False))
    return "unknown" if peer is None else str(peer)


def scheme_of(request: Request) -> str:
    """What the browser asked by: http or https, by the word of a proxy of our own network."""
    told = request.headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
    return told if told in _SCHEMES and _is_ours(_peer(request)) else request.url.scheme


def _peer(request: Request) -> IPv4Address | IPv6Address | None:
    return _parse(request.client.host) if request.client else None


def _is_ours(peer: IPv4Address | IPv6Address | None) -> bool:
    """Whether it may be our proxy: what a peer of the Internet says of others counts for nothing."""
    return peer is None or not peer.is_global


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
