"""The columns of an audit table, as a mixin: each service's database has its own."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeVar

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from pki.auditchain.canonical import Json, canonical_text
from pki.auditchain.chain import NAME_LIMIT
from pki.errors import StoredValueError

Stored = TypeVar("Stored")
Value = TypeVar("Value")
HASH_BYTES = 32
SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")
"""On SQLite an INTEGER PRIMARY KEY is the row's own number, and needs no index beside the table."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=16)  # the entries of a batch share one time
def to_microseconds(time: datetime) -> int:
    """Microseconds since 1970, exactly. Raises ValueError for a naive time."""
    if time.tzinfo is None:
        raise ValueError("a naive time reached the database")
    return (time - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """The aware UTC time that many microseconds after 1970. Raises OverflowError out of years 1–9999."""
    return _EPOCH + timedelta(microseconds=count)


def parse_details(text: str) -> dict[str, Json]:
    """The mapping that a canonical text stands for. Raises ValueError, RecursionError."""
    parsed = json.loads(text)
    if not isinstance(parsed, dict):
        raise ValueError("details are a mapping")  # noqa: TRY004 - of the text, not of the caller
    return parsed


def _read(reader: Callable[[Stored], Value], value: Stored, what: str) -> Value:
    """What a column holds. Raises StoredValueError for what no writer of ours puts there."""
    try:
        return reader(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise StoredValueError(what) from error


class Microseconds(TypeDecorator[datetime]):
    """An aware UTC time as whole microseconds since 1970: the same, and exact, on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002, D102
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        return None if value is None else _read(from_microseconds, value, "a time")


class CanonicalJson(TypeDecorator[Mapping[str, Json]]):
    """A mapping as its canonical text, which is what the hash is taken over."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Mapping[str, Json] | None, dialect: Dialect) -> str | None:  # noqa: ARG002, D102
        return None if value is None else canonical_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, Json] | None:  # noqa: ARG002, D102
        return None if value is None else _read(parse_details, value, "an entry's details")


class HexHash(TypeDecorator[str]):
    """A SHA-256 as its 64 hexadecimal digits, kept as its 32 bytes."""

    impl = LargeBinary(HASH_BYTES)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002, D102
        return None if value is None else bytes.fromhex(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002, D102
        return None if value is None else _read(bytes.hex, value, "a hash")


class AuditEntryColumns:
    """The columns of an audit table; give the model a `__tablename__` and nothing else."""

    sequence: Mapped[int] = mapped_column(SEQUENCE, primary_key=True, autoincrement=False)
    time: Mapped[datetime] = mapped_column(Microseconds())
    actor: Mapped[str] = mapped_column(String(NAME_LIMIT))
    action: Mapped[str] = mapped_column(String(NAME_LIMIT))
    subject: Mapped[str] = mapped_column(String(NAME_LIMIT), index=True)
    details: Mapped[dict[str, Json]] = mapped_column(CanonicalJson())
    previous_hash: Mapped[str] = mapped_column(HexHash())
    hash: Mapped[str] = mapped_column(HexHash())


class MerkleNodeColumns:
    """The columns of a table of complete subtrees (`merkle.Node`), each written once, when it is complete."""

    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary(HASH_BYTES))


class CheckpointColumns:
    """The columns of a table of signed checkpoints."""

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    time: Mapped[datetime] = mapped_column(Microseconds())
    note: Mapped[str] = mapped_column(Text)
