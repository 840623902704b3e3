"""What a card signs when it is handed over: it says of itself what it is for.

With a challenge alone, a registry in wrong hands could have anything of its length signed: the hashes of a
Web eID token (64, 96 or 128 bytes), a request for a certificate.
"""

CHALLENGE_BYTES = 32
_LABEL = b"Hoviat: a card in its holder's hands\0"


def signed_content(challenge: bytes) -> bytes:
    """What key 9A signs with SHA-256; 69 bytes. Raises ValueError for a challenge of another length."""
    if len(challenge) != CHALLENGE_BYTES:
        raise ValueError(f"a challenge of {len(challenge)} bytes, not {CHALLENGE_BYTES}")
    return _LABEL + challenge
