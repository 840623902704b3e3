"""One-time codes as people type them: `ABCDEFGH-JKMN-PQRS-TVWX-YZ01`, a locator and 80 secret bits."""

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime

from issuance.identifiers import LENGTH, Randomness, new_identifier
from issuance.stations.models import LOCATOR_LENGTH
from pki.store.encrypted import ColumnCipher

_GROUP = 4
MAX_CODE = 64
_LOOKALIKES = str.maketrans("OIL", "011")  # Crockford's base 32 has none of them


@dataclass(frozen=True)
class Terms:
    """Whose station a code makes, who created it, and until when it serves."""

    station: str
    created_by: str
    expires_at: datetime


@dataclass(frozen=True)
class Code:
    """A code, whole."""

    locator: str
    secret: str = field(repr=False)

    def digest(self, cipher: ColumnCipher, terms: Terms) -> str:
        """What is kept of it: keyed, and only for what it was created for."""
        values = (self.locator, self.secret, terms.station, terms.created_by, _time(terms.expires_at))
        return cipher.seal("station_codes", [value.encode() for value in values])

    def matches(self, cipher: ColumnCipher, terms: Terms, digest: str) -> bool:
        """Whether it is the code of that digest; takes as long for another."""
        return hmac.compare_digest(self.digest(cipher, terms).encode(), digest.encode())

    @property
    def text(self) -> str:
        """As it is read aloud."""
        groups = (self.secret[at : at + _GROUP] for at in range(0, len(self.secret), _GROUP))
        return "-".join((self.locator, *groups))


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


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
