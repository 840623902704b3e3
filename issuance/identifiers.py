"""Identifiers that can be read aloud: Crockford's base 32, which has no I, L, O or U."""

from collections.abc import Callable

Randomness = Callable[[int], bytes]
"""Returns that many bytes from a cryptographic source."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BITS = 5
_BYTES = 10
LENGTH = _BYTES * 8 // _BITS
"""16 characters of 80 random bits: no collision to fear, nothing to guess."""


def new_identifier(randomness: Randomness) -> str:
    """A fresh identifier of LENGTH characters."""
    number = int.from_bytes(randomness(_BYTES), "big")
    return "".join(_ALPHABET[number >> shift & 0x1F] for shift in range((LENGTH - 1) * _BITS, -1, -_BITS))
