"""What is signed at a handover is nothing else: no login token, no request, and of no length of theirs."""

import hashlib

import pytest

from cardio.station.delivery import Handover
from cardio.station.handovercontent import CHALLENGE_BYTES, signed_content

TOKENS = [2 * hashlib.new(name).digest_size for name in ("sha256", "sha384", "sha512")]
"""Web eID: the hash of the origin and that of the nonce."""


def test_its_bytes() -> None:
    label = "486f766961743a2061206361726420696e2069747320686f6c64657227732068616e647300"
    assert signed_content(bytes(range(32))).hex() == label + bytes(range(32)).hex()


def test_it_is_as_long_as_no_token_and_begins_as_no_request() -> None:
    content = signed_content(bytes(CHALLENGE_BYTES))
    assert len(content) not in TOKENS
    assert content[0] != 0x30  # DER SEQUENCE


@pytest.mark.parametrize("length", [0, 16, 31, 33, *TOKENS])
def test_no_other_challenge_is_signed(length: int) -> None:
    with pytest.raises(ValueError, match=f"a challenge of {length} bytes"):
        Handover("123456", bytes(length))
