"""Whose wrong codes are counted together."""

import pytest
from starlette.requests import Request

from verifier.receipts.throttle import address_of


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("9.9.9.9", "", "9.9.9.9"),
        ("9.9.9.9", "8.8.8.8", "9.9.9.9"),
        ("127.0.0.1", "8.8.8.8", "8.8.8.8"),
        ("10.0.0.1", "made-up, 7.7.7.7, 8.8.8.8", "8.8.8.8"),
        ("10.0.0.1", "8.8.8.8, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("2a01:4f8:1:2:3:4:5:6", "", "2a01:4f8:1:2::/64"),
        ("::ffff:9.9.9.9", "8.8.8.8", "9.9.9.9"),
        ("::1", "2a01:4f8::9", "2a01:4f8::/64"),
        ("testclient", "", "unknown"),
        (None, "", "unknown"),
    ],
)
def test_address(peer: str | None, forwarded: str, counted: str) -> None:
    client = None if peer is None else (peer, 1)
    headers = [(b"x-forwarded-for", forwarded.encode())]
    assert address_of(Request({"type": "http", "client": client, "headers": headers})) == counted
