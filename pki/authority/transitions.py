"""Status changes: good ↔ on hold, either → revoked, and revoked is final."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pki.auditchain import Json, append
from pki.errors import (
    AlreadyInStateError,
    ForbiddenReasonError,
    ForbiddenTransitionError,
    NotActivatedError,
    UnknownCertificateError,
)
from pki.status.state import FINAL_REASONS, RevocationReason, Status
from pki.store.models import AuditEntry, CertificateRow, Issuer, serial_key

ALLOWED: Mapping[Status, frozenset[Status]] = {
    Status.GOOD: frozenset({Status.ON_HOLD, Status.REVOKED}),
    Status.ON_HOLD: frozenset({Status.GOOD, Status.REVOKED}),
    Status.REVOKED: frozenset(),
}


@dataclass(frozen=True)
class Change:
    """One status change and who answers for it."""

    wanted: Status
    reason: RevocationReason | None
    action: str
    actor: str
    note: str
    """Why, in words; no personal data: it stands in the audit chain."""
    activates: bool = False
    """Ends the hold under which a certificate was issued, and no other."""


def apply_change(session: Session, serial: int, change: Change, now: datetime) -> None:
    """Changes a status, raises the issuer's status version and appends to the audit, in one transaction."""
    row = session.scalar(
        select(CertificateRow).where(CertificateRow.serial == serial_key(serial)).with_for_update()
    )
    if row is None:
        raise UnknownCertificateError(serial)
    _check(serial, Status(row.status), change, activated=row.activated)
    before = row.status
    row.activated = row.activated or change.activates
    row.status, row.since = change.wanted.value, now.replace(microsecond=0)
    row.reason = change.reason.value if change.reason else None
    touch_issuer(session, row.issuer)
    details: dict[str, Json] = {"from": before, "to": row.status, "reason": row.reason, "note": change.note}
    append(
        session,
        AuditEntry,
        time=now,
        actor=change.actor,
        action=change.action,
        subject=row.serial,
        details=details,
    )


def _check(serial: int, current: Status, change: Change, *, activated: bool) -> None:
    wanted = change.wanted
    if wanted is Status.REVOKED and change.reason not in FINAL_REASONS:
        raise ForbiddenReasonError(serial, change.reason.value if change.reason else "no reason")
    if current is wanted:
        raise AlreadyInStateError(serial, current.value, wanted.value)
    if wanted not in ALLOWED[current]:
        raise ForbiddenTransitionError(serial, current.value, wanted.value)
    if wanted is Status.GOOD and not activated and not change.activates:
        raise NotActivatedError(serial, current.value, wanted.value)
    if activated and change.activates:
        raise ForbiddenTransitionError(serial, current.value, wanted.value)


def touch_issuer(session: Session, name: str) -> None:
    """Notes that the issuer's next CRL differs from its last."""
    statement = update(Issuer).where(Issuer.name == name)
    session.execute(
        statement.values(status_version=Issuer.status_version + 1),
        execution_options={"synchronize_session": False},
    )
