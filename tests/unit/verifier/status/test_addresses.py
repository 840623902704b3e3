"""Which addresses a fetch may connect to, in every form in which one can be written."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.status.addresses import may_connect, network

PRIVATE = {
    "loopback": "127.0.0.1",
    "loopback elsewhere": "127.255.255.254",
    "this network": "0.0.0.0",  # noqa: S104 - refused, not bound
    "private 10": "10.1.2.3",
    "private 172": "172.31.255.255",
    "private 192": "192.168.0.1",
    "link-local, cloud metadata": "169.254.169.254",
    "carrier's NAT": "100.64.0.1",
    "protocol assignments": "192.0.0.192",
    "benchmarks": "198.19.255.255",
    "documentation": "203.0.113.1",
    "6to4 relays": "192.88.99.1",
    "multicast": "239.255.255.250",
    "global multicast": "224.0.1.1",
    "broadcast": "255.255.255.255",
    "IPv6 loopback": "::1",
    "IPv6 unspecified": "::",
    "IPv6 link-local": "fe80::1",
    "IPv6 link-local with its zone": "fe80::1%eth0",
    "IPv6 public with a zone": "2606:4700::1111%1",
    "IPv6 unique local": "fd00:ec2::254",
    "IPv6 site-local": "fec0::1",
    "IPv6 multicast": "ff02::1",
    "IPv6 global multicast": "ff0e::1",
    "IPv4-mapped loopback": "::ffff:127.0.0.1",
    "IPv4-mapped in hexadecimal": "::ffff:7f00:1",
    "IPv4-mapped public": "::ffff:8.8.8.8",
    "IPv4-compatible": "::127.0.0.1",
    "IPv4-translated": "::ffff:0:127.0.0.1",
    "NAT64": "64:ff9b::127.0.0.1",
    "NAT64 public": "64:ff9b::8.8.8.8",
    "NAT64 local": "64:ff9b:1::a00:1",
    "6to4 of loopback": "2002:7f00:1::1",
    "Teredo": "2001:0:7f00:1::1",
    "ORCHID": "2001:20::1",
    "IPv6 documentation": "2001:db8::1",
    "IPv6 new documentation": "3fff::1",
    "discard only": "100::1",
    "segment routing": "5f00::1",
}
NO_ADDRESS = [
    "",
    "localhost",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "[::1]",
    "8.8.8.8 ",
    "8.8.8.8/0",
]
PUBLIC = ["8.8.8.8", "193.40.55.1", "2606:4700::1111", "2a00:1450::1"]


@pytest.mark.parametrize("address", PRIVATE.values(), ids=PRIVATE)
def test_not_public(address: str) -> None:
    assert not may_connect(address)


@pytest.mark.parametrize("text", NO_ADDRESS)
def test_not_an_address_as_resolvers_give_it(text: str) -> None:
    assert not may_connect(text, [network("0.0.0.0/0"), network("::/0")])


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert may_connect(address)


def test_what_is_permitted_by_name_and_no_more() -> None:
    permitted = [network("10.9.0.0/16"), network("fd00::/8")]
    assert may_connect("10.9.255.1", permitted)
    assert may_connect("fd00::1", permitted)
    for other in ("10.8.0.1", "127.0.0.1", "::ffff:10.9.0.1", "64:ff9b::10.9.0.1", "fe80::1"):
        assert not may_connect(other, permitted)


@given(st.ip_addresses(v=4))
def test_what_the_library_calls_private_is_refused(address: IPv4Address) -> None:
    special = address.is_private or address.is_loopback or address.is_multicast or address.is_link_local
    assert not (special and may_connect(str(address)))


@given(st.ip_addresses(v=6, network=IPv6Network("::/3")))
def test_nothing_below_2000_is_global_unicast(address: IPv6Address) -> None:
    assert not may_connect(str(address))


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:", "::", "64:ff9b::", "2002:"]))
def test_no_ipv4_address_hides_in_ipv6(address: IPv4Address, prefix: str) -> None:
    number = int(address)
    hidden = f"{prefix}{number >> 16:x}:{number & 0xFFFF:x}" + ("::1" if prefix == "2002:" else "")
    assert not may_connect(hidden, [IPv4Network("0.0.0.0/0")])
