"""Where a request comes from: a proxy of our own network tells, and nobody else."""

import pytest
from starlette.requests import Request

from issuance.web.clients import client_network, scheme_of

PROXY, STRANGER = "10.0.0.2", "8.8.8.8"


def request(peer: str | None, scheme: str = "http", **headers: str) -> Request:
    sent = [(f"x-forwarded-{name}".encode(), value.encode()) for name, value in headers.items()]
    client = None if peer is None else (peer, 40_000)
    where = {"scheme": scheme, "path": "/", "server": ("registry.example", 80)}
    return Request({"type": "http", "headers": sent, "client": client, **where})


@pytest.mark.parametrize(
    ("peer", "told", "network"),
    [
        (PROXY, "8.8.4.4", "8.8.4.4"),
        (PROXY, "1.1.1.1, 8.8.4.4", "8.8.4.4"),  # the proxy appends; what came before it is the client's word
        ("127.0.0.1", "2a00:1450:4001:81b::200e", "2a00:1450:4001:81b::/64"),
        ("fd00::2", "::ffff:8.8.4.4", "8.8.4.4"),
        (PROXY, "", PROXY),
        (PROXY, "unknown", PROXY),
        (PROXY, "8.8.4.4, garbage\x00", PROXY),
        (STRANGER, "8.8.4.4", STRANGER),
        (STRANGER, "127.0.0.1", STRANGER),
        ("2a00:1450:4001:81b::200e", "8.8.4.4", "2a00:1450:4001:81b::/64"),
        (None, "", "unknown"),
    ],
)
def test_whose_tries_are_counted_together(peer: str | None, told: str, network: str) -> None:
    assert client_network(request(peer, **({"for": told} if told else {}))) == network


@pytest.mark.parametrize(
    ("peer", "told", "scheme"),
    [
        (PROXY, "https", "https"),
        (PROXY, "http", "http"),
        (PROXY, "https, http", "http"),
        (PROXY, "gopher", "http"),
        (PROXY, "", "http"),
        (STRANGER, "https", "http"),
    ],
)
def test_what_the_browser_asked_by(peer: str, told: str, scheme: str) -> None:
    assert scheme_of(request(peer, proto=told)) == scheme


def test_without_a_proxy_it_is_the_connections_own() -> None:
    assert scheme_of(request(STRANGER, "https", proto="http")) == "https"
