"""Which addresses a fetch may connect to: those of the public Internet, and what was permitted by name."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address

_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # "this network", RFC 791 §3.2
            "10.0.0.0/8",  # private, RFC 1918
            "100.64.0.0/10",  # behind carriers' NAT, RFC 6598
            "127.0.0.0/8",  # loopback, RFC 1122 §3.2.1.3
            "169.254.0.0/16",  # link-local, RFC 3927; clouds keep their metadata here
            "172.16.0.0/12",  # private, RFC 1918
            "192.0.0.0/24",  # protocol assignments, RFC 6890
            "192.0.2.0/24",  # documentation, RFC 5737
            "192.88.99.0/24",  # 6to4 relays, RFC 7526
            "192.168.0.0/16",  # private, RFC 1918
            "198.18.0.0/15",  # benchmarks, RFC 2544
            "198.51.100.0/24",  # documentation, RFC 5737
            "203.0.113.0/24",  # documentation, RFC 5737
            "224.0.0.0/4",  # multicast, RFC 5771
            "240.0.0.0/4",  # reserved and broadcast, RFC 1112 §4
        ),
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
"""Global unicast (RFC 4291 §2.4). Outside of it lie loopback, link-local, unique local and multicast
addresses, and those that carry an IPv4 address: mapped, compatible and NAT64 (RFC 6052, RFC 8215)."""
_NOT_PUBLIC_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo among them: RFC 2928, RFC 4380
            "2001:db8::/32",  # documentation, RFC 3849
            "2002::/16",  # 6to4, which carries an IPv4 address: RFC 3056
            "3fff::/20",  # documentation, RFC 9637
        ),
    )
)


def network(text: str) -> Network:
    """A network as `10.0.0.0/8`. Raises ValueError."""
    return ip_network(text)


def may_connect(text: str, permitted: Iterable[Network] = ()) -> bool:
    """Whether this address, as a resolver gives it, is public, or lies in a network permitted by name."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    return is_public(address) or any(address in allowed for allowed in permitted)


def is_public(address: Address) -> bool:
    """Whether it is an address of the public Internet, by our own table and by the library's."""
    if isinstance(address, IPv4Address):
        special = any(address in refused for refused in _NOT_PUBLIC_4)
    else:
        special = address not in _PUBLIC_6 or any(address in refused for refused in _NOT_PUBLIC_6)
    return not special and address.is_global
