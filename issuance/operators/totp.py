"""Codes of authenticator apps: TOTP (RFC 6238) with SHA-1, six digits and steps of 30 seconds.

SHA-1 because that is what the apps do, whatever an otpauth:// address says; HMAC doesn't rest on the property
that SHA-1 has lost.
"""

import hmac
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from issuance.identifiers import Randomness
from issuance.registry.text import ascii_digits

DIGITS: Final = 6
STEP_SECONDS: Final = 30
WINDOW: Final = 1
"""Steps to each side of the server's own whose codes are right: clocks differ, typing takes time (§5.2)."""
SECRET_BYTES: Final = 20
"""RFC 4226 §4 R6 recommends 160 bits."""
ISSUER: Final = "Hoviat"


def new_secret(randomness: Randomness) -> bytes:
    """A random key."""
    return randomness(SECRET_BYTES)


def step_of(moment: datetime) -> int:
    """The number of the step that `moment` lies in (§4.2)."""
    return int(moment.timestamp()) // STEP_SECONDS


def code_at(secret: bytes, step: int) -> str:
    """The code of one step."""
    return _generator(secret).generate(step * STEP_SECONDS).decode()


def matching_step(secret: bytes, code: str, moment: datetime) -> int | None:
    """The step near `moment` whose code this is; None: of none. Takes as long for a wrong code.

    Persian digits and the space that apps show in the middle are as good.
    """
    middle, found = step_of(moment), None
    given = "".join(ascii_digits(code).split()).encode(errors="replace")
    for step in range(middle - WINDOW, middle + WINDOW + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), given):
            found = step
    return found


def provisioning_uri(secret: bytes, username: str) -> str:
    """The otpauth:// address that an authenticator app takes over, mostly as a QR code."""
    return _generator(secret).get_provisioning_uri(username, ISSUER)


def _generator(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 - see above
