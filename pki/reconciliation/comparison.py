"""The rows of `certificates` beside what the log tells, both in the order of serials."""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import BigInteger, ColumnElement, LargeBinary, Row, select, type_coerce
from sqlalchemy.orm import Session

from pki.authority.holders import ISSUED
from pki.authority.transitions import Change
from pki.reconciliation.spool import Line
from pki.reconciliation.standing import CERTIFICATE_ACTIONS, ReplayError, Told, issued
from pki.store.models import CertificateBody, CertificateRow

_FETCHED_AT_ONCE = 5_000
_NAMED = 64
"""Characters of what stands where a serial should."""
_COMPARED = (
    *("issuer", "profile", "status", "reason", "held_by", "held_under", "activated"),
    *("since", "invalidity_date"),
)
_TIMES = frozenset({"since", "invalidity_date"})


class Difference(NamedTuple):
    """A certificate, or a CA, of which log and tables say different things."""

    serial: str
    """32 hexadecimal digits; a CA's short name."""
    what: str
    kind: str = "certificate"


class Rows:
    """The table's rows, streamed in the order of serials, with no trust in what they hold."""

    def __init__(self, session: Session) -> None:
        row, body = CertificateRow, CertificateBody
        columns = [
            type_coerce(row.serial, LargeBinary).label("serial"),
            row.request_id,
            *(_raw(name).label(name) for name in _COMPARED),
            type_coerce(row.not_before, BigInteger).label("not_before"),
            type_coerce(body.serial, LargeBinary).label("body"),
        ]
        joined = select(*columns).outerjoin_from(row, body, body.serial == row.serial)
        self._query = joined.order_by(row.serial).execution_options(yield_per=_FETCHED_AT_ONCE)
        self._session = session
        self.count = 0

    def __iter__(self) -> Iterator[Row[*tuple[object, ...]]]:
        with self._session.execute(self._query) as rows:
            for row in rows:
                self.count += 1
                yield row


def differences(rows: Rows, lines: Iterator[Line], changes: Mapping[str, Change]) -> Iterator[Difference]:
    """Every certificate of which the two say different things, in the order of serials."""
    told = ((serial, list(group)) for serial, group in groupby(lines, key=attrgetter("serial")))
    coming = next(told, None)
    for row in rows:
        while coming is not None and coming[0] < _octets(row.serial):
            yield Difference(coming[0].hex(), f"was issued by entry {coming[1][0].sequence}; it has no row")
            coming = next(told, None)
        if coming is None or coming[0] != row.serial:
            yield Difference(_named(row.serial), "has a row; no entry tells of it")
            continue
        yield from (Difference(coming[0].hex(), what) for what in _compare(row, coming[1], changes))
        coming = next(told, None)
    while coming is not None:
        yield Difference(coming[0].hex(), f"was issued by entry {coming[1][0].sequence}; it has no row")
        coming = next(told, None)


def _compare(
    row: Row[*tuple[object, ...]], lines: list[Line], changes: Mapping[str, Change]
) -> Iterator[str]:
    try:
        told = _replayed(lines, changes)
    except ReplayError as error:
        yield str(error)
        return
    if row.body is None:
        yield "its certificate is missing"
    if row.request_id != told.request:
        yield "request: the table and the log name different ones"
    for name in _COMPARED:
        found, due = getattr(row, name), getattr(told, name)
        if name == "since" and due is None:
            due = row.not_before
        if found != due or type(found) is not type(due):
            yield f"{name}: the table says {found!r}, the log {due!r}"


def _replayed(lines: list[Line], changes: Mapping[str, Change]) -> Told:
    told: Told | None = None
    for line in lines:
        if line.action == ISSUED:
            if told is not None:
                raise ReplayError(f"entry {line.sequence} issues it a second time")
            told = issued(line.sequence, json.loads(line.details))
        elif told is None:
            raise ReplayError(f"entry {line.sequence} changes it before it was issued")
        elif line.action in CERTIFICATE_ACTIONS:
            told.change(line.sequence, line.action, line.seconds, json.loads(line.details))
        else:
            told.change_with_many(line.sequence, changes[line.details], line.seconds)
    if told is None:
        raise ReplayError("no entry issues it")
    return told


def _raw(name: str) -> ColumnElement[object]:
    column = getattr(CertificateRow, name)
    return type_coerce(column, BigInteger) if name in _TIMES else column


def _named(serial: object) -> str:
    return serial.hex() if isinstance(serial, bytes) else repr(serial)[:_NAMED]


def _octets(serial: object) -> bytes:
    """A serial's octets; of what is no serial, some that sort where its database puts it."""
    return serial if isinstance(serial, bytes) else b""
