"""Issuing, finding and burning challenges."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Row, Select, bindparam, delete, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from pki.store.bulk import among, dialect_of, insert_values, table_of
from verifier.authentication.errors import (
    ChallengeError,
    ChallengeExpiredError,
    ChallengeUnknownError,
    ChallengeUsedError,
)
from verifier.challenges.models import ChallengeRow
from verifier.services.apikeys import RandomBytes
from verifier.services.registry import RelyingSite
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


def issue_many(
    session: WriteSession, sites: Sequence[RelyingSite], now: datetime, random_bytes: RandomBytes
) -> list[Challenge]:
    """Records a fresh challenge for each of the sites (one may occur often), and forgets those long over."""
    session.connection().execute(_FORGET, {"end": now - RETENTION})
    made = [
        Challenge(base64.b64encode(random_bytes(NONCE_BYTES)).decode("ascii"), site.origin, now + LIFETIME)
        for site in sites
    ]
    rows = [
        (digest_of(challenge.nonce), site.site_id, challenge.origin, now, challenge.expires_at)
        for site, challenge in zip(sites, made, strict=True)
    ]
    insert_values(session, ChallengeRow, _COLUMNS, rows)
    return made


def find_many(
    session: ReadSession, wanted: Sequence[tuple[str, str]], now: datetime
) -> list[Challenge | ChallengeError]:
    """For each site id and nonce: that site's challenge if it may still be used at `now`, or why not."""
    digests = [digest_of(nonce) for _, nonce in wanted]
    found = session.connection().execute(_find(dialect_of(session)), {"digests": list(set(digests))})
    rows = {row.digest: row for row in found}
    return [
        _usable(rows.get(digest), site_id, nonce, now)
        for digest, (site_id, nonce) in zip(digests, wanted, strict=True)
    ]


def _usable(
    row: Row[str, str, str, datetime, datetime | None] | None, site_id: str, nonce: str, now: datetime
) -> Challenge | ChallengeError:
    # Another site's challenge is as unknown as one that was never issued.
    if row is None or row.site_id != site_id:
        return ChallengeUnknownError()
    if row.used_at is not None:
        return ChallengeUsedError(row.used_at)
    if now > row.expires_at:
        return ChallengeExpiredError(row.expires_at)
    return Challenge(nonce, row.origin, row.expires_at)


def burn_many(session: WriteSession, nonces: Iterable[str], now: datetime) -> set[str]:
    """Marks the challenges of these nonces as used, in one statement.

    Gives back the nonces that it burned: of any number of transactions each nonce is in one's answer, ever.
    """
    by_digest = {digest_of(nonce): nonce for nonce in nonces}
    if not by_digest:
        return set()
    statement = _burn(dialect_of(session))
    burned = session.connection().execute(statement, {"digests": list(by_digest), "now": now})
    return {by_digest[digest] for digest in burned.scalars()}


_COLUMNS = ("digest", "site_id", "origin", "issued_at", "expires_at")
# On the table, not on the model: the session would look for each row among its objects.
_CHALLENGES = table_of(ChallengeRow)
_C = _CHALLENGES.c
_FORGET = delete(_CHALLENGES).where(_C.expires_at < bindparam("end"))


@cache
def _find(dialect: str) -> Select[str, str, str, datetime, datetime | None]:
    columns = select(_C.digest, _C.site_id, _C.origin, _C.expires_at, _C.used_at)
    return columns.where(among(dialect, _C.digest, "digests"))


@cache
def _burn(dialect: str) -> ReturningUpdate[str]:
    usable = among(dialect, _C.digest, "digests"), _C.used_at.is_(None)
    return update(_CHALLENGES).where(*usable).values(used_at=bindparam("now")).returning(_C.digest)
