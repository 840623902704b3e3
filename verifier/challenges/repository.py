"""What is on record of challenges: the keys that seal them, and which were used."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import String, bindparam, delete, func, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import JSON

from pki.store.bulk import among, dialect_of, table_of
from pki.store.database import UtcDateTime
from verifier.challenges.models import ChallengeKeyRow, UsedChallengeRow
from verifier.challenges.sealing import day_of
from verifier.services.apikeys import RandomBytes
from verifier.store.sessions import ReadSession, WriteSession

SECRET_BYTES = 32
RETENTION = timedelta(hours=1)
"""So long it is known that a nonce was used: several times longer than any can be answered."""
_DAYS_KEPT = 2


def digest_of(nonce: str) -> str:
    """The name under which a nonce is kept."""
    return hashlib.sha256(nonce.encode("utf-8", "surrogatepass")).hexdigest()


def find_secret(session: ReadSession | WriteSession, day: int) -> bytes | None:
    """The key of that day, if there is one."""
    return session.scalar(select(ChallengeKeyRow.secret).where(ChallengeKeyRow.day == day))


def make_secret(session: WriteSession, day: int, now: datetime, random_bytes: RandomBytes) -> bytes | None:
    """The key of that day, made if it is missing; all replicas come to the same. None for days gone by.

    Only today's is made, and tomorrow's for a replica whose clock is there: nobody fills the table.
    """
    if day_of(now) <= day <= day_of(now) + 1:
        session.execute(delete(ChallengeKeyRow).where(ChallengeKeyRow.day < day_of(now) - _DAYS_KEPT))
        row = {"day": day, "secret": random_bytes(SECRET_BYTES)}
        table = table_of(ChallengeKeyRow)
        if dialect_of(session) == "postgresql":
            session.execute(postgresql.insert(table).values(row).on_conflict_do_nothing())
        else:
            session.execute(sqlite.insert(table).values(row).on_conflict_do_nothing())
    return find_secret(session, day)


def forget_secrets(session: WriteSession) -> None:
    """Nonces that are about are nobody's from now on: for a record that doesn't know which were used."""
    session.execute(delete(ChallengeKeyRow))


def burn_many(session: WriteSession, nonces: Iterable[str], now: datetime) -> set[str]:
    """Records that these nonces are used, in one statement.

    Gives back those that were not used before: of any number of transactions each nonce is in one's answer.
    """
    by_digest = {digest_of(nonce): nonce for nonce in nonces}
    if not by_digest:
        return set()
    statement = _burn(dialect_of(session))
    burned = session.connection().execute(statement, {"digests": sorted(by_digest), "now": now})
    return {by_digest[digest] for digest in burned.scalars()}


def used_at(session: ReadSession | WriteSession, nonces: Iterable[str]) -> dict[str, datetime]:
    """When these nonces were used, as far as they were and it is still known."""
    by_digest = {digest_of(nonce): nonce for nonce in nonces}
    columns = table_of(UsedChallengeRow).c
    query = select(columns.digest, columns.used_at).where(
        among(dialect_of(session), columns.digest, "digests")
    )
    rows = session.connection().execute(query, {"digests": list(by_digest)})
    return {by_digest[row.digest]: row.used_at for row in rows}


def forget(session: WriteSession, now: datetime) -> None:
    """Forgets the nonces that nobody could answer any more."""
    session.connection().execute(_FORGET, {"end": now - RETENTION})


# On the table, not on the model: the session would look for each row among its objects.
_USED = table_of(UsedChallengeRow)
_FORGET = delete(_USED).where(_USED.c.used_at < bindparam("end"))


@cache
def _burn(dialect: str) -> ReturningInsert[str]:
    now = bindparam("now", type_=UtcDateTime())
    if dialect == "postgresql":
        listed = select(func.unnest(bindparam("digests", type_=ARRAY(String))), now)
        insert = postgresql.insert(_USED).from_select(("digest", "used_at"), listed)
        return insert.on_conflict_do_nothing().returning(_USED.c.digest)
    values = func.json_each(bindparam("digests", type_=JSON())).table_valued("value")
    # Without a WHERE, SQLite reads ON CONFLICT as the ON of a join ("Parsing Ambiguity", lang_upsert.html).
    rows = select(values.c.value, now).where(true())
    return (
        sqlite.insert(_USED)
        .from_select(("digest", "used_at"), rows)
        .on_conflict_do_nothing()
        .returning(_USED.c.digest)
    )
