"""What changed: each CA's status version, and the certificates that changed since one.

What is remembered of the database outside of it (answers, editions) is bound to the end of the audit chain as
it was then: a database that was brought back from a copy doesn't hold that entry, or holds another there.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Connection, Engine, column, select, table, text
from sqlalchemy.exc import OperationalError

from pki.auditchain.chain import EMPTY, Head
from pki.errors import StoredValueError
from pki.store.columns import serial_octets
from pki.store.database import read_only

# Without the models' column types: these reads are many, and take numbers and octets as they are stored.
_CERTIFICATES = table(
    "certificates",
    *map(column, ("serial", "issuer", "status", "reason", "since", "changed", "not_after")),
)
_ISSUERS = table("issuers", column("name"), column("status_version"))
_AUDIT = table("audit", *map(column, ("sequence", "hash")))
_C = _CERTIFICATES.c
_IN_INDEX = text("changed > 0")
"""In the words of the partial index, or SQLite would not know that it may use it."""


class Standing(NamedTuple):
    """What the database said at one moment."""

    positions: dict[str, int]
    """Every CA's status version."""
    head: Head
    """The audit chain's end."""


def head_of(connection: Connection) -> Head:
    """The audit chain's end as the connection sees it."""
    newest = select(*_AUDIT.c).order_by(_AUDIT.c.sequence.desc()).limit(1)
    row = connection.execute(newest).first()
    return EMPTY if row is None else Head(_number(row[0], "an entry's number"), _octets(row[1]).hex())


def knows(connection: Connection, head: Head) -> bool:
    """Whether what ended so is part of the chain."""
    if head == EMPTY:
        return True
    found = connection.scalar(select(_AUDIT.c.hash).where(_AUDIT.c.sequence == head.sequence))
    return found is not None and _octets(found).hex() == head.hash


def _number(value: object, what: str) -> int:
    """SQLite keeps any type in any column: what isn't of ours is named, and never converted."""
    if type(value) is not int:
        raise StoredValueError(what)
    return value


def _octets(value: object) -> bytes:
    if not isinstance(value, bytes | memoryview):  # of a number `bytes` would make so many zeros
        raise StoredValueError("an entry's hash")
    return bytes(value)


class StatusFeed:
    """Indexed reads of the authority's records.

    Everything here raises SQLAlchemyError; of rows that somebody else wrote, StoredValueError.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = read_only(engine)

    def positions(self) -> dict[str, int]:
        """Every CA's status version; a CA whose row somebody else wrote has none, and stops no other."""
        return {name: version for name, version in self._versions() if type(version) is int}

    def check(self) -> None:
        """Whether the database can be read, and each CA's version is one."""
        for _, version in self._versions():
            _number(version, "a CA's status version")

    def _versions(self) -> list[tuple[str, object]]:
        with self._engine.connect() as connection:
            return [(str(name), version) for name, version in connection.execute(select(*_ISSUERS.c))]

    def standing(self) -> Standing:
        """Versions, and then the end of the chain: no version is of a later entry than that."""
        return Standing(self.positions(), self.head())

    def head(self) -> Head:
        """The audit chain's end: whatever was read before is told by what it ends."""
        with self._engine.connect() as connection:
            return head_of(connection)

    def knows(self, head: Head) -> bool:
        """Whether what ended so is part of the database's chain: else it was brought back from a copy."""
        with self._engine.connect() as connection:
            return knows(connection, head)

    def changed_since(self, issuer: str, version: int, limit: int) -> dict[bytes, int] | None:
        """The serials (16 octets) that changed after `version`, with the version at which each did.

        None: more than `limit`.
        """
        query = select(_C.serial, _C.changed).where(_C.issuer == issuer, _C.changed > version, _IN_INDEX)
        with self._engine.connect() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
        return None if len(rows) > limit else {bytes(serial): changed for serial, changed in rows}

    def issued(self, issuer: str, after: int, now: datetime, limit: int) -> list[int]:
        """The serials of a CA's certificates that live, in their order, beginning behind `after`."""
        start = serial_octets(after) if after else bytes(1)
        query = (
            select(_C.serial)
            .where(_C.serial > start, _C.issuer == issuer, _C.not_after >= int(now.timestamp()))
            .order_by(_C.serial)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [int.from_bytes(serial, "big") for serial in connection.scalars(query)]


def read_states(engine: Engine, serials: Sequence[int]) -> Sequence[tuple[bytes, str, str, str | None, int]]:
    """Serial, issuer, status, reason and since (seconds) of those that were issued.

    By the driver itself: this read stands in every fresh answer, and SQLAlchemy would cost most of it.
    Raises SQLAlchemyError.
    """
    statement = _states_statement(engine.dialect.name, len(serials))
    try:
        connection = engine.raw_connection()
    except _driver_error(engine) as error:
        raise OperationalError(statement, None, error) from error
    try:
        cursor = connection.cursor()
        cursor.execute(statement, [serial_octets(serial) for serial in serials])
        return list(cursor.fetchall())
    except _driver_error(engine) as error:
        connection.invalidate()
        raise OperationalError(statement, None, error) from error
    finally:
        connection.close()


@lru_cache(maxsize=256)
def _states_statement(dialect: str, count: int) -> str:
    marks = ", ".join(["?" if dialect == "sqlite" else "%s"] * count)
    return f"SELECT serial, issuer, status, reason, since FROM certificates WHERE serial IN ({marks})"  # noqa: S608


def _driver_error(engine: Engine) -> type[Exception]:
    driver = engine.dialect.dbapi
    if driver is None:
        raise ValueError("the engine has no driver")
    error: type[Exception] = driver.Error
    return error
