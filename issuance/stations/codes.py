"""One-time codes as people type them: `ABCDEFGH-JKMN-PQRS-TVWX-YZ01`, a locator and 80 secret bits."""

import hashlib
import hmac
from dataclasses import dataclass, field

from issuance.identifiers import LENGTH, Randomness, new_identifier
from issuance.stations.models import LOCATOR_LENGTH

_GROUP = 4
MAX_CODE = 64
_LOOKALIKES = str.maketrans("OIL", "011")  # Crockford's base 32 has none of them


@dataclass(frozen=True)
class Code:
    """A code, whole."""

    locator: str
    secret: str = field(repr=False)

    @property
    def digest(self) -> str:
        """What is kept of it."""
        return hashlib.sha256(f"{self.locator}{self.secret}".encode()).hexdigest()

    def matches(self, digest: str) -> bool:
        """Whether it is the code of that digest; takes as long for another."""
        return hmac.compare_digest(self.digest, digest)

    @property
    def text(self) -> str:
        """As it is read aloud."""
        groups = (self.secret[at : at + _GROUP] for at in range(0, len(self.secret), _GROUP))
        return "-".join((self.locator, *groups))


def new_code(randomness: Randomness) -> Code:
    """A fresh code."""
    return Code(new_identifier(randomness)[:LOCATOR_LENGTH], new_identifier(randomness))


def read_code(typed: str) -> Code | None:
    """A code as somebody typed it; None for what can be none."""
    if len(typed) > MAX_CODE or not typed.isascii():
        return None
    signs = typed.upper().replace("-", "").replace(" ", "").translate(_LOOKALIKES)
    if len(signs) != LOCATOR_LENGTH + LENGTH:
        return None
    return Code(signs[:LOCATOR_LENGTH], signs[LOCATOR_LENGTH:])
