"""One part of a mass action: its certificates, status versions, audit entry and progress in one transaction.

A part holds whole partitions of one issuer's CRL, as many as fit; so each partition changes at one moment,
and its next CRL shows all of the action or nothing. A partition that alone is larger than a part (an issuer
without partitions, say) is cut by serials: its CRLs may then show the action half done, for as long as
it runs.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    exists,
    func,
    insert,
    literal,
    select,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy.orm import Session

from pki.authority.transitions import next_status_version
from pki.massactions.effects import MOVED, REHELD, Effects
from pki.status.state import Status
from pki.store.columns import MAX_SERIAL, Serial
from pki.store.massactions import MassPart, MassSkip, MassTarget
from pki.store.models import CertificateRow

_LAST_SHARD = 32_767
_FETCHED_AT_ONCE = 10_000
_FIRST = (-1, 1)
"""A place before every shard and serial."""
_UNSYNCHRONISED = {"synchronize_session": False}


@dataclass(frozen=True)
class Span:
    """Targets of one issuer after one place in its order of shards and serials, up to another."""

    action: int
    issuer: str
    after: tuple[int, int]
    upto: tuple[int, int]

    @property
    def conditions(self) -> tuple[ColumnElement[bool], ...]:
        """What a row of `mass_action_targets` has to fulfil."""
        target = MassTarget
        return (
            target.action == self.action,
            target.issuer == self.issuer,
            _place(self.after) < _PLACE,
            _place(self.upto) >= _PLACE,
        )


_PLACE = tuple_(MassTarget.shard, MassTarget.serial)


def _place(place: tuple[int, int]) -> ColumnElement[tuple[int, int]]:
    shard, serial = place
    return tuple_(literal(shard), literal(serial, Serial()))


def next_span(session: Session, action: int, size: int) -> Span | None:
    """What comes after the parts that are done, at most `size` targets; None: nothing does."""
    last = session.scalar(
        select(MassPart).where(MassPart.action == action).order_by(MassPart.part.desc()).limit(1)
    )
    if last is not None:
        span = _span(session, action, last.issuer, (last.last_shard, last.last_serial), size)
        if span is not None:
            return span
    issuers = select(func.min(MassTarget.issuer)).where(MassTarget.action == action)
    if last is not None:
        issuers = issuers.where(MassTarget.issuer > last.issuer)
    issuer = session.scalar(issuers)
    return None if issuer is None else _span(session, action, issuer, _FIRST, size)


def _span(session: Session, action: int, issuer: str, after: tuple[int, int], size: int) -> Span | None:
    rest = Span(action, issuer, after, (_LAST_SHARD, MAX_SERIAL))
    first = _nth(session, rest, 0)
    if first is None:
        return None
    beyond = _nth(session, rest, size)
    if beyond is None:
        return rest
    if beyond[0] > first[0]:  # whole partitions, as many as fit
        return Span(action, issuer, after, (beyond[0] - 1, MAX_SERIAL))
    return Span(action, issuer, after, _nth(session, rest, size - 1) or beyond)


def _nth(session: Session, span: Span, offset: int) -> tuple[int, int] | None:
    columns = (MassTarget.shard, MassTarget.serial)
    query = select(*columns).where(*span.conditions).order_by(*columns).offset(offset).limit(1)
    found = session.execute(query).first()
    return None if found is None else (found.shard, found.serial)


def carry_out(session: Session, span: Span, effects: Effects) -> MassPart:
    """Changes the span's certificates, and adds the part's row, in the caller's transaction.

    The caller holds the authority's queue, so that between the statements nothing else changes.
    """
    counts = _count(session, span, effects)
    moved, reheld = counts.pop(MOVED, 0), counts.pop(REHELD, 0)
    if counts:
        _write_skips(session, span, effects)
    if reheld:
        _rehold(session, span, effects)
    version = _move(session, span, effects) if moved else None
    part = _part(session, span, effects.now)
    part.moved, part.reheld, part.skipped = moved, reheld, sum(counts.values())
    part.status_version = version
    session.add(part)
    return part


def _count(session: Session, span: Span, effects: Effects) -> dict[str, int]:
    query = (
        select(effects.outcome.label("effect"), func.count())
        .select_from(CertificateRow)
        .join(MassTarget, MassTarget.serial == CertificateRow.serial)
        .where(*span.conditions)
        .group_by("effect")
    )
    return {str(effect): count for effect, count in session.execute(query)}


def _write_skips(session: Session, span: Span, effects: Effects) -> None:
    effect = effects.outcome
    query = (
        select(literal(span.action), CertificateRow.serial, effect)
        .select_from(CertificateRow)
        .join(MassTarget, MassTarget.serial == CertificateRow.serial)
        .where(*span.conditions, effect.not_in((MOVED, REHELD)))
    )
    session.execute(insert(MassSkip).from_select(["action", "serial", "why"], query))


def _rehold(session: Session, span: Span, effects: Effects) -> None:
    values = {"held_by": effects.held_by, "held_under": effects.held_under}
    _update(session, span, effects, REHELD, values)


def _move(session: Session, span: Span, effects: Effects) -> int:
    """Returns the issuer's new status version."""
    change, version = effects.change, next_status_version(session, span.issuer)
    values = {
        "status": change.wanted.value,
        "reason": change.reason.value if change.reason else None,
        "since": effects.now.replace(microsecond=0),
        "invalidity_date": change.invalidity_date,
        "held_by": effects.held_by,
        "held_under": effects.held_under,
        "changed": version,
    }
    _update(session, span, effects, MOVED, values)
    return version


def _update(
    session: Session, span: Span, effects: Effects, effect: str, values: Mapping[str, object]
) -> None:
    row = CertificateRow
    serials = select(MassTarget.serial).where(*span.conditions)
    statement = update(row).where(row.serial.in_(serials), effects.effect == effect)
    if effects.change.wanted is Status.GOOD:  # what is held anew was skipped just now
        skipped = exists().where(MassSkip.action == span.action, MassSkip.serial == row.serial)
        statement = statement.where(~skipped)
    changed = {**values, "standing_version": row.standing_version + 1}
    session.execute(statement.values(changed), execution_options=_UNSYNCHRONISED)


def _part(session: Session, span: Span, now: datetime) -> MassPart:
    number = session.scalar(select(func.max(MassPart.part)).where(MassPart.action == span.action)) or 0
    first, last = _ends(session, span)
    return MassPart(
        action=span.action,
        part=number + 1,
        issuer=span.issuer,
        first_shard=first[0],
        first_serial=first[1],
        last_shard=last[0],
        last_serial=last[1],
        serials=changed_digest(session, span),
        done=now,
    )


def _ends(session: Session, span: Span) -> tuple[tuple[int, int], tuple[int, int]]:
    columns = (MassTarget.shard, MassTarget.serial)
    query = select(*columns).where(*span.conditions).limit(1)
    first = session.execute(query.order_by(*columns)).one()
    last = session.execute(query.order_by(*(column.desc() for column in columns))).one()
    return (first.shard, first.serial), (last.shard, last.serial)


def changed_digest(session: Session, span: Span) -> bytes:
    """SHA-256 over `kept_serials`."""
    digest = hashlib.sha256()
    for serial in kept_serials(session, span):
        digest.update(serial)
    return digest.digest()


def kept_serials(session: Session, span: Span) -> Iterator[bytes]:
    """The serials of the span that were not skipped, 16 octets each, in their order; streamed."""
    skipped = select(MassSkip.serial).where(
        MassSkip.action == span.action, MassSkip.serial == MassTarget.serial
    )
    query = select(type_coerce(MassTarget.serial, LargeBinary)).where(*span.conditions, ~skipped.exists())
    ordered = query.order_by(MassTarget.shard, MassTarget.serial)
    with session.connection().execute(ordered, execution_options={"yield_per": _FETCHED_AT_ONCE}) as rows:
        for (serial,) in rows:
            yield serial


def span_of(part: MassPart) -> Span:
    """The targets that a part decided about."""
    first, last = (part.first_shard, part.first_serial), (part.last_shard, part.last_serial)
    return span_between(part.action, part.issuer, first, last)


def span_between(action: int, issuer: str, first: tuple[int, int], last: tuple[int, int]) -> Span:
    """The targets of an issuer from one place to another, both included."""
    shard, serial = first
    return Span(action, issuer, (shard, serial - 1) if serial > 1 else (shard - 1, MAX_SERIAL), last)
