"""Rows that only the registry writes, each with a seal under a key that no table holds (ADR 48)."""

import hmac
from datetime import UTC, datetime
from typing import ClassVar

from sqlalchemy import Connection, Dialect, String, event, inspect
from sqlalchemy.orm import Mapped, Mapper, Session, mapped_column
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from issuance.errors import SealBrokenError
from pki.store.encrypted import cipher_of

_SEAL_LENGTH = 64


class SealedRow:
    """A model whose row is sealed whenever the registry inserts or changes it through the model.

    A row whose seal was broken before is not changed, and so not sealed anew: SealBrokenError.
    """

    __tablename__: str
    SEALED: ClassVar[tuple[str, ...]]
    """The columns that the row is trusted for: texts, octets and times."""
    SEALED_AS: ClassVar[str]
    """What it is called in the error."""
    WAY_ON: ClassVar[str]
    seal: Mapped[str] = mapped_column(String(_SEAL_LENGTH))

    def is_whole(self, session: Session) -> bool:
        """Whether it is as the registry wrote it."""
        return _fits(session.get_bind().dialect, self, {})


def _fits(dialect: Dialect, row: SealedRow, before: dict[str, object]) -> bool:
    """Whether the row's seal is of its values; `before`: what stood there where they were changed since."""
    return hmac.compare_digest(row.seal.encode(), _seal(dialect, row, before).encode())


def _seal(dialect: Dialect, row: SealedRow, before: dict[str, object]) -> str:
    values = (_octets(before.get(name, getattr(row, name))) for name in row.SEALED)
    return cipher_of(dialect, row.__tablename__).seal(row.__tablename__, values)


def _octets(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    text = value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
    return text.encode()


@event.listens_for(SealedRow, "before_insert", propagate=True)
def _seal_new(mapper: Mapper[SealedRow], connection: Connection, row: SealedRow) -> None:
    _fill_in_defaults(mapper, row)
    row.seal = _seal(connection.dialect, row, {})


def _fill_in_defaults(mapper: Mapper[SealedRow], row: SealedRow) -> None:
    """What the insert would set after the seal was made."""
    for name in row.SEALED:
        default = mapper.columns[name].default
        if getattr(row, name) is None and isinstance(default, ScalarElementColumnDefault):
            setattr(row, name, default.arg)


@event.listens_for(SealedRow, "before_update", propagate=True)
def _seal_changed(_mapper: Mapper[SealedRow], connection: Connection, row: SealedRow) -> None:
    histories = {name: inspect(row).attrs[name].history for name in row.SEALED}
    before = {name: found.deleted[0] for name, found in histories.items() if found.deleted}
    if not _fits(connection.dialect, row, before):
        raise SealBrokenError(row.SEALED_AS, row.WAY_ON)
    row.seal = _seal(connection.dialect, row, {})
