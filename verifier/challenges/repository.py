"""Issuing, finding and burning challenges."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, update

from verifier.authentication.errors import ChallengeExpiredError, ChallengeUnknownError, ChallengeUsedError
from verifier.challenges.models import ChallengeRow
from verifier.services.apikeys import RandomBytes
from verifier.store.sessions import ReadSession, WriteSession

NONCE_BYTES = 32
"""256 bits: base64 makes 44 characters of them."""
LIFETIME = timedelta(minutes=5)
RETENTION = timedelta(hours=1)
"""So long after its end a challenge can still be told from one that never was."""


@dataclass(frozen=True)
class Challenge:
    """A nonce for one attempt at one site and origin."""

    nonce: str = field(repr=False)
    origin: str
    expires_at: datetime


def digest_of(nonce: str) -> str:
    """The name under which a nonce is kept."""
    return hashlib.sha256(nonce.encode("utf-8", "surrogatepass")).hexdigest()


def issue(
    session: WriteSession, site_id: str, origin: str, now: datetime, random_bytes: RandomBytes
) -> Challenge:
    """Records a fresh challenge, and forgets those that are long over."""
    session.execute(delete(ChallengeRow).where(ChallengeRow.expires_at < now - RETENTION))
    nonce = base64.b64encode(random_bytes(NONCE_BYTES)).decode("ascii")
    challenge = Challenge(nonce, origin, now + LIFETIME)
    session.add(
        ChallengeRow(
            digest=digest_of(nonce),
            site_id=site_id,
            origin=origin,
            issued_at=now,
            expires_at=challenge.expires_at,
        )
    )
    return challenge


def find(session: ReadSession, site_id: str, nonce: str, now: datetime) -> Challenge:
    """The site's challenge, if it may still be used at `now`; raises ChallengeError."""
    row = session.get(ChallengeRow, digest_of(nonce))
    # Another site's challenge is as unknown as one that was never issued.
    if row is None or row.site_id != site_id:
        raise ChallengeUnknownError
    if row.used_at is not None:
        raise ChallengeUsedError(row.used_at)
    if now > row.expires_at:
        raise ChallengeExpiredError(row.expires_at)
    return Challenge(nonce, row.origin, row.expires_at)


def burn(session: WriteSession, site_id: str, nonce: str, now: datetime) -> bool:
    """Marks the challenge as used, in one statement; of any number of callers one gets True, ever."""
    statement = (
        update(ChallengeRow)
        .where(
            ChallengeRow.digest == digest_of(nonce),
            ChallengeRow.site_id == site_id,
            ChallengeRow.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(ChallengeRow.digest)
    )
    return session.execute(statement).first() is not None
