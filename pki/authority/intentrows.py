"""Recorded intents read back, with no trust in what their rows hold: the database is somebody else's, too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    LargeBinary,
    Row,
    Select,
    case,
    exists,
    select,
    text,
)
from sqlalchemy import type_coerce as read_as
from sqlalchemy.orm import Session

from pki.errors import IntentAlteredError, StoredValueError
from pki.store.bulk import among, dialect_of, table_of
from pki.store.columns import moment_of, serial_of
from pki.store.models import CertificateRow, Intent

_NAME_LIMIT = 64


class Outcome(Enum):
    """What became of an intent."""

    PENDING = "pending"
    ISSUED = "issued"
    REFUSED = "refused"


@dataclass(frozen=True)
class RecordedIntent:
    """An intent as the tables hold it (`pki.store.models.Intent`)."""

    request_id: str
    fingerprint: bytes = field(repr=False)
    serial: int
    issuer: str
    shard: int
    profile: str
    key_hash: bytes = field(repr=False)
    key_kind: str
    provenance: str | None
    holder_hash: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    tbs: bytes | None = field(repr=False)
    not_before: datetime
    not_after: datetime
    on_hold: bool
    actor: str
    created: datetime
    outcome: str
    refused_by: str | None
    seal: bytes | None = field(repr=False, default=None)
    """`IntentSeal` over all above but the outcome; None: nobody sealed it."""


class OwnIntent(RecordedIntent):
    """An intent that this very call made and sealed: no row was read. Only `IntentWriter` makes one."""


NAMES = tuple(RecordedIntent.__dataclass_fields__)
TIMES = ("not_before", "not_after", "created")

_TEXTS = ("request_id", "issuer", "profile", "key_kind", "actor", "outcome")
_OCTETS = ("fingerprint", "key_hash", "holder_hash", "salt")
_TYPES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(_TEXTS, (str,)),
    **dict.fromkeys(_OCTETS, (bytes,)),
    "shard": (int,),
    "on_hold": (bool, int),
    "provenance": (str, type(None)),
    "refused_by": (str, type(None)),
    "tbs": (bytes, type(None)),
    "seal": (bytes, type(None)),
}
"""What the drivers give for what this authority writes. SQLite keeps any type in any column."""
_EPOCH = moment_of(0)

_INTENTS = table_of(Intent)
CERTIFIED = exists().where(table_of(CertificateRow).c.request_id == _INTENTS.c.request_id)
"""Whatever an intent says of itself: what has a certificate is not signed again."""


def _raw(name: str) -> ColumnElement[Any]:
    """A column as the driver gives it: a type's own conversion would raise for the whole result."""
    column = _INTENTS.c[name]
    if name == "outcome":
        return case((CERTIFIED, Outcome.ISSUED.value), else_=column).label(name)
    if name == "serial":
        return read_as(column, LargeBinary).label(name)
    if name in TIMES:
        return read_as(column, BigInteger).label(name)
    return read_as(column, Integer).label(name) if name == "on_hold" else column


_COLUMNS = tuple(_raw(name) for name in NAMES)


def read_intents(session: Session, request_ids: Sequence[str]) -> dict[str, RecordedIntent]:
    """The recorded intents among these, by request; one that can't be read has no seal and no content."""
    if not request_ids:
        return {}
    rows = session.execute(_recorded_query(dialect_of(session)), {"requests": request_ids})
    return {row.request_id: _intent(row) for row in rows}


@cache  # composing a statement costs more than running it
def _recorded_query(dialect: str) -> Select[Any]:
    return select(*_COLUMNS).where(among(dialect, _INTENTS.c.request_id, "requests"))


def pending_intents(session: Session, issuers: Sequence[str]) -> list[RecordedIntent]:
    """The intents of these CAs that a crash left unfinished, oldest first; read as `read_intents` does."""
    intents = _INTENTS.c
    unfinished = (intents.outcome == Outcome.PENDING.value, ~CERTIFIED)
    query = select(*_COLUMNS).where(*unfinished, intents.issuer.in_(issuers)).order_by(intents.created)
    return [_intent(row) for row in session.execute(query)]


def refuse_nameless(session: Session) -> list[str]:
    """Refuses pending rows that no request can have made and none can name; what they are called, shown.

    Only SQLite keeps such: an identifier of another type than text, or that is no UTF-8.
    """
    if dialect_of(session) != "sqlite":
        return []
    found = {
        place: octets for place, kind, octets in session.execute(_PENDING_NAMES) if not _is_text(kind, octets)
    }
    for place in found:
        session.execute(_REFUSE_AT, {"place": place, "rule": IntentAlteredError.rule})
    return [_shown(octets) for octets in found.values()]


_PENDING_NAMES = text(
    "SELECT rowid, typeof(request_id), CAST(request_id AS BLOB) FROM intents WHERE outcome = 'pending'"
)
_REFUSE_AT = text("UPDATE intents SET outcome = 'refused', refused_by = :rule WHERE rowid = :place")


def _is_text(kind: str, octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return kind == "text"


def _intent(row: Row[Any]) -> RecordedIntent:
    values = dict(zip(NAMES, row, strict=True))
    try:
        return _read(values)
    except StoredValueError:
        return _unreadable(values)


def _read(values: dict[str, Any]) -> RecordedIntent:
    for name, allowed in _TYPES.items():
        if type(values[name]) not in allowed:
            raise StoredValueError(name)
    moments = {name: moment_of(values[name]) for name in TIMES}
    own = {"serial": serial_of(values["serial"]), "on_hold": bool(values["on_hold"])}
    return RecordedIntent(**{**values, **moments, **own})


def _unreadable(values: Mapping[str, Any]) -> RecordedIntent:
    """In place of a row that can't be read: its name and outcome, and no seal."""
    return RecordedIntent(
        request_id=values["request_id"],
        fingerprint=b"",
        serial=0,
        issuer=_shown(values["issuer"]),
        shard=0,
        profile="",
        key_hash=b"",
        key_kind="",
        provenance=None,
        holder_hash=b"",
        salt=b"",
        tbs=None,
        not_before=_EPOCH,
        not_after=_EPOCH,
        on_hold=True,
        actor="",
        created=_EPOCH,
        outcome=_shown(values["outcome"]),
        refused_by=None if values["refused_by"] is None else _shown(values["refused_by"]),
    )


def _shown(value: object) -> str:
    return (value.hex() if isinstance(value, bytes) else str(value))[:_NAME_LIMIT]
