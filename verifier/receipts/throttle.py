"""Wrong codes are counted by address, so that nobody tries many. Codes are too long to be guessed anyway."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.requests import Request

ALLOWED = 30
SECONDS = 600.0
MAXIMUM_ADDRESSES = 10_000
_IPV6_PREFIX = 64
"""One customer's, as a rule."""
_UNKNOWN = "unknown"


@dataclass
class _Count:
    since: float
    wrong: int = 0


class WrongCodes:
    """A count for each of the addresses that were here last, in one event loop's thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def take(self, address: str) -> bool:
        """One try, which counts as wrong until `give_back`; False: there is none left for now."""
        now = self._clock()
        count = self._counts.get(address)
        if count is None or now - count.since > SECONDS:
            count = self._counts[address] = _Count(now)
            self._counts.move_to_end(address)
            if len(self._counts) > MAXIMUM_ADDRESSES:
                self._counts.popitem(last=False)
        if count.wrong >= ALLOWED:
            return False
        count.wrong += 1
        return True

    def give_back(self, address: str) -> None:
        """The code was right."""
        count = self._counts.get(address)
        if count is not None and count.wrong:
            count.wrong -= 1


def address_of(request: Request) -> str:
    """Whose tries are counted together: an IPv4 address, or an IPv6 network of a customer.

    Behind a proxy of our own network it is the address that the proxy saw, the last of X-Forwarded-For. Who
    reaches us from inside can make that up; it gains tries, and takes none from anybody.
    """
    peer = _parse("" if request.client is None else request.client.host)
    if peer is None or not peer.is_global:
        peer = _parse(request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()) or peer
    if isinstance(peer, IPv6Address):
        return str(ip_network((peer, _IPV6_PREFIX), strict=False))
    return _UNKNOWN if peer is None else str(peer)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
