"""Mass actions in the database: reading, numbering, and the digest of what was proposed."""

import hashlib
import json
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, func, select, tuple_
from sqlalchemy.orm import Session

from pki.auditchain import Event, Json
from pki.auditchain.canonical import canonical_json
from pki.authority.record import serial_text
from pki.errors import (
    MassActionExpiredError,
    MassActionStateError,
    PreviewMismatchError,
    UnknownMassActionError,
)
from pki.massactions.values import Kind, MassAction, Progress, State, Terms
from pki.status.state import RevocationReason
from pki.store.massactions import MassActionRow, MassPart, MassSkip, MassTarget
from pki.store.models import CertificateRow

PROPOSAL_LIFE = timedelta(days=7)
"""From the proposal: until then it is approved and begun, or never. Once begun, holds and revocations may be
gone on with at any time; a release, which lifts what protects somebody, not after that."""


def queue_proposals(session: Session) -> None:
    """One proposal or decision at a time; issuing goes on beside it, except on SQLite."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext("pki.massactions"))))


def next_number(session: Session) -> int:
    """For a new action. The caller holds the queue."""
    return (session.scalar(select(func.max(MassActionRow.number))) or 0) + 1


def locked(session: Session, number: int) -> MassActionRow:
    """The row, until the caller's commit, if it is what was proposed.

    Raises UnknownMassActionError, PreviewMismatchError.
    """
    row = session.get(MassActionRow, number, with_for_update=True)
    if row is None:
        raise UnknownMassActionError(number)
    if proposal_digest(row) != row.digest:
        raise PreviewMismatchError(number, "its record was changed after it was proposed")
    return row


def proposal_digest(row: MassActionRow) -> bytes:
    """SHA-256 over the canonical JSON of all that was proposed."""
    proposal: dict[str, Json] = {
        "number": row.number,
        "kind": row.kind,
        "reason": row.reason,
        "invalidity_date": _moment(row.invalidity_date),
        "note": row.note,
        "selection": row.selection,
        "preview": row.preview,
        "proposed_by": row.proposed_by,
        "proposed": _moment(row.proposed),
    }
    return hashlib.sha256(canonical_json(proposal)).digest()


def require_state(row: MassActionRow, wanted: State, *allowed: State) -> None:
    """Raises MassActionStateError unless the action is in one of the states allowed."""
    if State(row.state) not in allowed:
        raise MassActionStateError(row.number, row.state, wanted.value)


def read_action(row: MassActionRow) -> MassAction:
    """The row as a value."""
    return MassAction(
        number=row.number,
        terms=read_terms(row),
        selection=row.selection,
        preview=row.preview,
        digest=row.digest.hex(),
        proposed_by=row.proposed_by,
        proposed=row.proposed,
        approved_by=row.approved_by,
        approved=row.approved,
        state=State(row.state),
        closed=row.closed,
    )


def read_terms(row: MassActionRow) -> Terms:
    """What the row says is to be done."""
    reason = RevocationReason(row.reason) if row.reason else None
    return Terms(Kind(row.kind), row.note, reason, row.invalidity_date)


def read_progress(session: Session, row: MassActionRow) -> Progress:
    """What its finished parts add up to."""
    sums = (func.count(), func.sum(MassPart.moved), func.sum(MassPart.reheld))
    parts, moved, reheld = session.execute(select(*sums).where(MassPart.action == row.number)).one()
    by_reason = select(MassSkip.why, func.count()).where(MassSkip.action == row.number)
    skipped = dict(session.execute(by_reason.group_by(MassSkip.why)).all())
    total = int(json.loads(row.preview)["total"])
    return Progress(row.number, State(row.state), total, parts, int(moved or 0), int(reheld or 0), skipped)


def actions_on(session: Session, certificate: CertificateRow) -> list[int]:
    """The mass actions that changed a certificate, the oldest first."""
    target, part = MassTarget, MassPart
    place = tuple_(target.shard, target.serial)
    changed = (
        select(target.action)
        .join(part, and_(part.action == target.action, part.issuer == target.issuer))
        .where(
            target.action.in_(select(MassActionRow.number)),  # seeks the primary key for each
            target.issuer == certificate.issuer,
            target.shard == certificate.shard,
            target.serial == certificate.serial,
            place >= tuple_(part.first_shard, part.first_serial),
            place <= tuple_(part.last_shard, part.last_serial),
            ~exists().where(MassSkip.action == target.action, MassSkip.serial == target.serial),
        )
    )
    return list(session.scalars(changed.order_by(target.action)))


def event(row: MassActionRow, now: datetime, actor: str, step: str, **details: Json) -> Event:
    """What stands in the audit chain of a step of an action."""
    return Event(now, actor, f"mass.{step}", f"mass-{row.number}", details)


def require_in_time(row: MassActionRow, now: datetime) -> None:
    """Raises MassActionExpiredError for a proposal that is too old."""
    ended = row.proposed + PROPOSAL_LIFE
    if now > ended:
        raise MassActionExpiredError(row.number, ended)


def part_event(row: MassActionRow, part: MassPart, now: datetime, officer: str) -> Event:
    """What stands in the audit chain of a part that was carried out."""
    return event(
        row,
        now,
        officer,
        row.kind,
        part=part.part,
        issuer=part.issuer,
        first=f"{part.first_shard}:{serial_text(part.first_serial)}",
        last=f"{part.last_shard}:{serial_text(part.last_serial)}",
        moved=part.moved,
        reheld=part.reheld,
        skipped=part.skipped,
        status_version=part.status_version,
        serials=part.serials.hex(),
    )


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
