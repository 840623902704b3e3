"""Status changes: good ↔ on hold, either → revoked, and revoked is final."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pki.auditchain import Event, Json
from pki.authority.record import record_events, refuse_clock_set_back, serial_text
from pki.errors import (
    AlreadyInStateError,
    CertificateExpiredError,
    ForbiddenReasonError,
    ForbiddenTransitionError,
    HeldByOthersError,
    InvalidityDateError,
    NotActivatedError,
    UnknownCertificateError,
)
from pki.status.state import FINAL_REASONS, Hold, RevocationReason, Status
from pki.store.columns import MAX_SERIAL
from pki.store.models import CertificateRow, Issuer

ALLOWED: Mapping[Status, frozenset[Status]] = {
    Status.GOOD: frozenset({Status.ON_HOLD, Status.REVOKED}),
    Status.ON_HOLD: frozenset({Status.GOOD, Status.REVOKED}),
    Status.REVOKED: frozenset(),
}
_STRENGTH = {Hold.DELIVERY: 1, Hold.REGISTRY: 1, Hold.OFFICER: 2}


@dataclass(frozen=True)
class Change:
    """One status change and who answers for it."""

    wanted: Status
    reason: RevocationReason | None
    action: str
    actor: str
    note: str
    """Why, in words; no personal data: it stands in the audit chain."""
    hold: Hold = Hold.REGISTRY
    """As whose hold a certificate is held, or with whose power a hold is lifted."""
    activates: bool = False
    """Ends the hold under which a certificate was issued, and no other."""
    invalidity_date: datetime | None = None
    """With a revocation: since when the key is suspect (RFC 5280 §5.3.2)."""


def apply_change(session: Session, serial: int, change: Change, now: datetime) -> None:
    """Changes a status, raises the issuer's status version and appends to the audit, in one transaction."""
    refuse_clock_set_back(session, now)
    row = _locked(session, serial)
    before = Status(row.status)
    _check(row, change, now)
    if before is Status.ON_HOLD and change.wanted is Status.ON_HOLD:
        row.held_by = change.hold.value  # a stronger hold takes over; nothing is published anew
    else:
        _move(row, change, now)
        row.changed = next_status_version(session, row.issuer)
    details: dict[str, Json] = {
        "from": before.value,
        "to": row.status,
        "reason": row.reason,
        "held_by": row.held_by,
        "note": change.note,
    }
    if change.invalidity_date is not None:
        details["invalidity_date"] = change.invalidity_date.isoformat(timespec="seconds")
    record_events(session, [Event(now, change.actor, change.action, serial_text(serial), details)])


def _locked(session: Session, serial: int) -> CertificateRow:
    if not 0 < serial <= MAX_SERIAL:
        raise UnknownCertificateError(serial)
    row = session.scalar(select(CertificateRow).where(CertificateRow.serial == serial).with_for_update())
    if row is None:
        raise UnknownCertificateError(serial)
    return row


def _move(row: CertificateRow, change: Change, now: datetime) -> None:
    wanted, reason = change.wanted, change.reason
    if wanted is Status.GOOD and not (row.activated or change.activates):
        # An officer's hold on a card that was never delivered ends in the hold that it had before.
        wanted, reason, row.held_by = Status.ON_HOLD, RevocationReason.CERTIFICATE_HOLD, Hold.DELIVERY.value
    else:
        row.held_by = change.hold.value if wanted is Status.ON_HOLD else None
    row.activated = row.activated or change.activates
    row.status, row.since = wanted.value, now.replace(microsecond=0)
    row.reason = reason.value if reason else None
    row.invalidity_date = change.invalidity_date


def _check(row: CertificateRow, change: Change, now: datetime) -> None:
    current, wanted = Status(row.status), change.wanted
    if wanted is Status.REVOKED:
        _check_revocation(row, change, now)
    if current is wanted and not _takes_over(row, change):
        raise AlreadyInStateError(row.serial, current.value, wanted.value)
    if current is not wanted and wanted not in ALLOWED[current]:
        raise ForbiddenTransitionError(row.serial, current.value, wanted.value)
    if wanted is not Status.REVOKED and now > row.not_after:
        raise CertificateExpiredError(row.serial, current.value, wanted.value)
    if wanted is Status.GOOD:
        _check_lifting(row, change)


def _check_revocation(row: CertificateRow, change: Change, now: datetime) -> None:
    if change.reason not in FINAL_REASONS:
        raise ForbiddenReasonError(row.serial, change.reason.value if change.reason else "no reason")
    if change.invalidity_date is not None and change.invalidity_date > now:
        raise InvalidityDateError(row.serial, "an invalidity date lies in the past")


def _takes_over(row: CertificateRow, change: Change) -> bool:
    """Whether a certificate that is held already comes under a stronger hold."""
    if change.wanted is not Status.ON_HOLD or row.held_by is None:
        return False
    return _STRENGTH[change.hold] > _STRENGTH[Hold(row.held_by)]


def _check_lifting(row: CertificateRow, change: Change) -> None:
    held_by = Hold(row.held_by) if row.held_by else Hold.REGISTRY
    current, wanted = row.status, change.wanted.value
    if change.activates and row.activated:
        raise ForbiddenTransitionError(row.serial, current, wanted)
    if held_by is Hold.DELIVERY and not change.activates:
        raise NotActivatedError(row.serial, current, wanted)
    if _STRENGTH[held_by] > _STRENGTH[change.hold] or (change.activates and held_by is not Hold.DELIVERY):
        raise HeldByOthersError(row.serial, current, wanted, held_by.value)


def next_status_version(session: Session, issuer: str) -> int:
    """Raises the issuer's status version: its next CRL differs from its last. Returns the new one.

    The issuer's row stays locked until the caller's commit, so versions become visible in their order.
    """
    statement = update(Issuer).where(Issuer.name == issuer)
    return session.scalars(
        statement.values(status_version=Issuer.status_version + 1).returning(Issuer.status_version),
        execution_options={"synchronize_session": False},
    ).one()
