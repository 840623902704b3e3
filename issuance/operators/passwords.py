"""Passwords, stretched by scrypt (RFC 7914) and compared in constant time."""

import base64
import binascii
import hashlib
import hmac
import threading

from issuance.identifiers import Randomness

_SALT_BYTES = 16
_KEY_BYTES = 32
_FIRST_BYTES = 15
_COST = 2**15  # N: 32 MiB and about 60 ms a try
_BLOCK = 8  # r
_PARALLEL = 1  # p
_MAX_MEMORY = 64 * 1024 * 1024
_FORM = "scrypt"
MAX_PASSWORD_BYTES = 1024

_workers = threading.BoundedSemaphore(4)
"""Bounds the memory that a burst of logins can take."""


def first_password(randomness: Randomness) -> str:
    """A random one: 24 letters and digits, 120 bits."""
    return base64.b32encode(randomness(_FIRST_BYTES)).decode().lower()


def hash_password(password: str, randomness: Randomness) -> str:
    """The stored form: scrypt, cost, salt and key, joined by `$`."""
    salt = randomness(_SALT_BYTES)
    return "$".join((_FORM, str(_COST), _encode(salt), _encode(_stretch(password, salt, _COST))))


def unmatchable(randomness: Randomness) -> str:
    """A stored form that no password matches, and that takes as long to try as any other."""
    return "$".join((_FORM, str(_COST), _encode(randomness(_SALT_BYTES)), _encode(randomness(_KEY_BYTES))))


def matches(password: str, stored: str) -> bool:
    """Whether the password is the one that was hashed. Takes as long for a wrong one."""
    try:
        form, cost, salt, key = stored.split("$")
        expected = base64.b64decode(key)
        computed = _stretch(password, base64.b64decode(salt), int(cost))
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(computed, expected) and form == _FORM


def _stretch(password: str, salt: bytes, cost: int) -> bytes:
    with _workers:
        return hashlib.scrypt(
            password.encode(), salt=salt, n=cost, r=_BLOCK, p=_PARALLEL, maxmem=_MAX_MEMORY, dklen=_KEY_BYTES
        )


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
