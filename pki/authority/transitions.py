"""Status changes: good ↔ on hold, either → revoked, and revoked is final.

`decide` alone says what becomes of a certificate: single changes and mass actions both ask it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, unique
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from pki.auditchain import Event, Json
from pki.authority.record import refuse_clock_set_back, serial_text
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
from pki.store.bulk import table_of
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
    own_only: bool = False
    """Lifts only holds of `hold`'s own kind, and leaves weaker ones alone."""
    invalidity_date: datetime | None = None
    """With a revocation: since when the key is suspect (RFC 5280 §5.3.2)."""


@dataclass(frozen=True)
class Standing:
    """What the rules look at, and what they change."""

    status: Status
    held_by: Hold | None
    """While on hold: whose hold it is."""
    held_under: Hold | None
    """The weaker hold that stands again when an officer's is lifted."""
    activated: bool


@unique
class Refusal(Enum):
    """Why a change is refused; the values stand in audit entries."""

    ALREADY = "already"
    REVOKED = "revoked"
    EXPIRED = "expired"
    NOT_ACTIVATED = "not activated"
    HELD_BY_OTHERS = "held by others"
    NOT_IN_FIRST_HOLD = "not in its first hold"


def decide(standing: Standing, change: Change, *, expired: bool) -> Standing | Refusal:
    """What becomes of a certificate that stands so, or why nothing does."""
    if change.wanted is Status.ON_HOLD and standing.status is Status.ON_HOLD:
        return Refusal.EXPIRED if expired else _held_twice(standing, change.hold)
    if change.wanted not in ALLOWED[standing.status]:
        return Refusal.ALREADY if standing.status is change.wanted else Refusal.REVOKED
    if change.wanted is Status.REVOKED:
        return Standing(Status.REVOKED, None, None, standing.activated)
    if expired:
        return Refusal.EXPIRED
    if change.wanted is Status.ON_HOLD:
        return Standing(Status.ON_HOLD, change.hold, None, standing.activated)
    return _refuse_lifting(standing, change) or _lifted(standing, change)


def _held_twice(standing: Standing, hold: Hold) -> Standing | Refusal:
    """A stronger hold takes over from a weaker; a weaker one waits under it. Neither is lost."""
    held_by = standing.held_by or hold
    if _STRENGTH[hold] > _STRENGTH[held_by]:
        return replace(standing, held_by=hold, held_under=held_by)
    if _STRENGTH[hold] < _STRENGTH[held_by] and standing.held_under is None:
        return replace(standing, held_under=hold)
    return Refusal.ALREADY


def _lifted(standing: Standing, change: Change) -> Standing:
    # A card that was never delivered goes back to its first hold, whoever held it meanwhile.
    under = standing.held_under or (None if standing.activated or change.activates else Hold.DELIVERY)
    if under is not None:
        return replace(standing, held_by=under, held_under=None)
    return Standing(Status.GOOD, None, None, activated=True)


def _refuse_lifting(standing: Standing, change: Change) -> Refusal | None:
    held_by = standing.held_by or Hold.REGISTRY
    if change.activates and standing.activated:
        return Refusal.NOT_IN_FIRST_HOLD
    if held_by is Hold.DELIVERY and not change.activates:
        return Refusal.NOT_ACTIVATED
    stronger = _STRENGTH[held_by] > _STRENGTH[change.hold]
    if stronger or (change.activates and held_by is not Hold.DELIVERY):
        return Refusal.HELD_BY_OTHERS
    return Refusal.HELD_BY_OTHERS if change.own_only and held_by is not change.hold else None


def check_terms(serial: int, change: Change, now: datetime) -> None:
    """What a revocation says of itself. Raises ForbiddenReasonError, InvalidityDateError."""
    if change.wanted is not Status.REVOKED:
        return
    if change.reason not in FINAL_REASONS:
        raise ForbiddenReasonError(serial, change.reason.value if change.reason else "no reason")
    if change.invalidity_date is not None and change.invalidity_date > now:
        raise InvalidityDateError(serial, "an invalidity date lies in the past")


def apply_change(session: Session, serial: int, change: Change, now: datetime) -> Event:
    """Changes a status and raises the issuer's status version, in the caller's transaction.

    The caller appends the event to the audit when all its changes are made: the audit's lock comes last,
    after the issuers' rows, or two transactions could wait for each other. Raises StatusError.
    """
    if change.wanted is Status.GOOD:  # whatever the clock says, what must be stopped is stopped
        refuse_clock_set_back(session, now)
    row = _locked(session, serial)
    check_terms(serial, change, now)
    before = _standing(row)
    after = decide(before, change, expired=now > row.not_after)
    if isinstance(after, Refusal):
        raise _error(after, row, change)
    _write(row, after, change, now)
    if after.status is not before.status:
        row.changed = next_status_version(session, row.issuer)
    details: dict[str, Json] = {
        "from": before.status.value,
        "to": row.status,
        "reason": row.reason,
        "held_by": row.held_by,
        "note": change.note,
    }
    if change.invalidity_date is not None:
        details["invalidity_date"] = change.invalidity_date.isoformat(timespec="seconds")
    return Event(now, change.actor, change.action, serial_text(serial), details)


def _locked(session: Session, serial: int) -> CertificateRow:
    if not 0 < serial <= MAX_SERIAL:
        raise UnknownCertificateError(serial)
    row = session.scalar(select(CertificateRow).where(CertificateRow.serial == serial).with_for_update())
    if row is None:
        raise UnknownCertificateError(serial)
    return row


def _standing(row: CertificateRow) -> Standing:
    return Standing(
        Status(row.status),
        Hold(row.held_by) if row.held_by else None,
        Hold(row.held_under) if row.held_under else None,
        row.activated,
    )


def _write(row: CertificateRow, after: Standing, change: Change, now: datetime) -> None:
    row.held_by = after.held_by.value if after.held_by else None
    row.held_under = after.held_under.value if after.held_under else None
    row.activated = after.activated
    row.standing_version += 1
    if row.status == after.status.value:
        return  # under another hold than before; nothing is published anew
    row.status, row.since = after.status.value, now.replace(microsecond=0)
    row.reason = change.reason.value if change.reason else None
    row.invalidity_date = change.invalidity_date


_Error = Callable[[int, str, str], ForbiddenTransitionError]
_ERRORS: Mapping[Refusal, _Error] = {
    Refusal.ALREADY: AlreadyInStateError,
    Refusal.REVOKED: ForbiddenTransitionError,
    Refusal.EXPIRED: CertificateExpiredError,
    Refusal.NOT_ACTIVATED: NotActivatedError,
    Refusal.NOT_IN_FIRST_HOLD: ForbiddenTransitionError,
}


def _error(refusal: Refusal, row: CertificateRow, change: Change) -> ForbiddenTransitionError:
    current, wanted = row.status, change.wanted.value
    if refusal is Refusal.HELD_BY_OTHERS:
        return HeldByOthersError(row.serial, current, wanted, row.held_by or "")
    return _ERRORS[refusal](row.serial, current, wanted)


def next_status_version(session: Session, issuer: str) -> int:
    """Raises the issuer's status version: its next CRL differs from its last. Returns the new one.

    The issuer's row stays locked until the caller's commit, so versions become visible in their order.
    """
    version: int = session.execute(_raise_version(), {"issuer_name": issuer}).scalar_one()
    return version


@cache  # composing it costs ten times what running it does
def _raise_version() -> ReturningUpdate[Any]:
    issuers = table_of(Issuer)
    version = issuers.c.status_version
    statement = update(issuers).where(issuers.c.name == bindparam("issuer_name"))
    return statement.values(status_version=version + 1).returning(version)
