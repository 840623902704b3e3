"""A secret in shares: any `threshold` of them give it back, fewer say nothing of it (SLIP-39)."""

import hashlib
import hmac
from collections.abc import Sequence

from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics
from shamir_mnemonic.share import Share

SECRET_BYTES = 32
MAX_SHARE_CHARACTERS = 1024
_ONE_GROUP = 1
_NO_STRETCHING = 0  # the secret is random already: there is no weak passphrase to slow an attacker on


class SharesError(ValueError):
    """These are not shares that belong together. The library's own words hold words of a share."""


def split(secret: bytes, threshold: int, count: int) -> tuple[str, ...]:
    """`count` shares of 33 words each."""
    groups = [(threshold, count)]
    (shares,) = generate_mnemonics(_ONE_GROUP, groups, secret, iteration_exponent=_NO_STRETCHING)
    return tuple(map(normal, shares))


def combine(shares: Sequence[str]) -> bytes:
    """The secret. Raises SharesError for too few, doubled, mistyped or foreign ones."""
    try:
        return bytes(combine_mnemonics(shares))
    except (MnemonicError, ValueError):
        raise SharesError("the shares are too few, doubled, damaged or of several secrets") from None


def check_words(share: str) -> None:
    """Whether this is a share at all: words of the list, with the right checksum. Raises SharesError."""
    if len(share) > MAX_SHARE_CHARACTERS:
        raise SharesError("is too long for a share")
    try:
        Share.from_mnemonic(share)
    except (MnemonicError, ValueError):
        raise SharesError("is no share: a word is missing or mistyped") from None


def normal(share: str) -> str:
    """A share as it is hashed and compared: lower case, single spaces."""
    return " ".join(share.lower().split())


def digest(share: str) -> str:
    """What tells a share from another. Its secret has 256 random bits: the hash gives none of them away."""
    return hashlib.sha256(b"hoviat share\0" + normal(share).encode()).hexdigest()


def check_value(secret: bytes) -> str:
    """What tells a secret from another without being it."""
    return hmac.digest(secret, b"hoviat custody", "sha256").hex()
