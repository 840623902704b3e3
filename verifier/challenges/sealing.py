"""Nonces that need no record to be known again: random octets and a time under a MAC (ADR 42).

    nonce = base64(random (32) || issued (6) || tag (16))       54 octets, 72 characters

`issued` is in milliseconds since 1970 (UTC), big-endian; `tag` is the first half of HMAC-SHA-256 under the
day's key, over what stands before it and whose the nonce is. Nothing here reads or writes.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from verifier.authentication.errors import ChallengeError, ChallengeExpiredError, ChallengeUnknownError
from verifier.services.registry import RelyingSite

RANDOM_BYTES = 32
"""256 bits, as Web eID demands of a nonce."""
NONCE_LENGTH = 72
"""Characters; the Web eID extension takes 44 to 128."""
LIFETIME = timedelta(minutes=5)
_TIME_BYTES = 6
_TAG_BYTES = 16
_BODY_BYTES = RANDOM_BYTES + _TIME_BYTES
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DAY = timedelta(days=1)
_DOMAIN = b"hoviat login challenge 1\0"


@dataclass(frozen=True)
class Challenge:
    """A nonce for one attempt at one site and origin."""

    nonce: str = field(repr=False)
    origin: str
    expires_at: datetime


@dataclass(frozen=True)
class Sealed:
    """A nonce taken apart, before anybody knows whether it is one of ours."""

    body: bytes = field(repr=False)
    tag: bytes = field(repr=False)
    issued_at: datetime


def day_of(time: datetime) -> int:
    """The number of the day (UTC) whose key seals the nonces of this time."""
    return (time - _EPOCH) // _DAY


def seal(secret: bytes, site: RelyingSite, now: datetime, random: bytes) -> Challenge:
    """A challenge for this site, of RANDOM_BYTES that nobody can foresee, under the key of its day."""
    issued = (now - _EPOCH) // _MILLISECOND
    body = random + issued.to_bytes(_TIME_BYTES, "big")
    nonce = base64.b64encode(body + _tag(secret, site, body)).decode("ascii")
    return Challenge(nonce, site.origin, _EPOCH + issued * _MILLISECOND + LIFETIME)


def take_apart(nonce: str, now: datetime) -> Sealed | None:
    """What the nonce says of itself; None where no key could make it ours.

    A time that another replica's clock can't have shown is nobody's: its use would be forgotten too soon.
    """
    if len(nonce) != NONCE_LENGTH:
        return None
    try:
        data = base64.b64decode(nonce.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    body, tag = data[:_BODY_BYTES], data[_BODY_BYTES:]
    issued = int.from_bytes(body[RANDOM_BYTES:], "big")
    if not day_of(now) - 1 <= issued // (_DAY // _MILLISECOND) <= day_of(now) + 1:
        return None
    issued_at = _EPOCH + issued * _MILLISECOND
    return None if issued_at > now + LIFETIME else Sealed(body, tag, issued_at)


def opened(
    secret: bytes | None, site: RelyingSite, nonce: str, sealed: Sealed | None, now: datetime
) -> Challenge | ChallengeError:
    """The challenge if it was sealed for this site and may be answered at `now`, or why not.

    Another site's challenge, or one for an origin that the site no longer has, is as unknown as an invented
    one. Whether it was used already, only the record can tell.
    """
    if secret is None or sealed is None:
        return ChallengeUnknownError()
    if not hmac.compare_digest(sealed.tag, _tag(secret, site, sealed.body)):
        return ChallengeUnknownError()
    expires_at = sealed.issued_at + LIFETIME
    if now > expires_at:
        return ChallengeExpiredError(expires_at)
    return Challenge(nonce, site.origin, expires_at)


def _tag(secret: bytes, site: RelyingSite, body: bytes) -> bytes:
    # Fixed lengths first; the origin, which ends the text, can't run into anything.
    text = _DOMAIN + body + site.site_id.encode() + b"\0" + site.origin.encode()
    return hmac.digest(secret, text, hashlib.sha256)[:_TAG_BYTES]
