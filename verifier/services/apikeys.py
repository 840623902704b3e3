"""API keys of sites: `<site id>.<secret>`, the secret 256 random bits, kept as a SHA-256 hash.

A key is random, not chosen by a person, so a fast hash is enough: there is nothing to guess.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from verifier.services.errors import ApiKeyInvalidError

RandomBytes = Callable[[int], bytes]
"""Gives that many bytes from a cryptographic source, as secrets.token_bytes does."""

_SITE_ID_BYTES = 10
_SECRET_BYTES = 32
_KEY = re.compile(r"(?P<site>[a-z2-7]{16})\.(?P<secret>[A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class ApiKey:
    """A site's key, taken apart."""

    site_id: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.site_id}.<secret>"

    def reveal(self) -> str:
        """The text that the site keeps; shown once."""
        return f"{self.site_id}.{self.secret}"

    def digest(self) -> str:
        """What the database keeps: 64 hexadecimal digits."""
        return hashlib.sha256(self.reveal().encode()).hexdigest()

    def is_known_by(self, digest: str) -> bool:
        """Whether the digest is this key's."""
        return hmac.compare_digest(self.digest().encode(), digest.encode())


def new_site_id(random_bytes: RandomBytes) -> str:
    """80 random bits as 16 characters of base32."""
    return base64.b32encode(random_bytes(_SITE_ID_BYTES)).decode("ascii").lower()


def new_api_key(site_id: str, random_bytes: RandomBytes) -> ApiKey:
    """A fresh key for the site."""
    secret = base64.urlsafe_b64encode(random_bytes(_SECRET_BYTES)).decode("ascii").rstrip("=")
    return ApiKey(site_id, secret)


def parse_api_key(text: str) -> ApiKey:
    """Takes a presented key apart; raises ApiKeyInvalidError for anything else."""
    match = _KEY.fullmatch(text)
    if match is None:
        raise ApiKeyInvalidError
    return ApiKey(match["site"], match["secret"])
