"""What the presence of a card's holder allows: one check, one act.

A check of a card in use admits the renewal of one key or one unblocking; what has been finished by it, the
audit chain tells. What was torn goes on by the same check, as long as that is good. A
renewal and an unblocking that both began before either ended can both finish by one check.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from issuance.audit import AuditEntry
from issuance.delivery.errors import IdentityUncheckedError
from issuance.delivery.models import IdentityCheck
from issuance.delivery.repository import is_good, last_check
from issuance.delivery.states import CheckPurpose
from issuance.operators.service import Actor
from pki.auditchain import Json

_ENDS = ("renewal.finished", "unblocking.finished")


def good_check(session: Session, actor: Actor, number: str, since: datetime) -> IdentityCheck:
    """The card's last check, of a card in use, passed before this operator. Raises IdentityUncheckedError."""
    check = last_check(session, number)
    if check is None or not is_good(check, actor, since) or check.purpose != CheckPurpose.PRESENCE:
        raise IdentityUncheckedError
    return check


def finished_by(session: Session, check: IdentityCheck) -> dict[str, Json] | None:
    """The chain's details of what the check has been used up by; None while it hasn't."""
    return _used(session, check.card_number, check.id)


def require_unused(session: Session, number: str, check_id: str) -> None:
    """Before what is done by the check is recorded; the caller holds the card's row.

    Raises IdentityUncheckedError if another act has used it up meanwhile.
    """
    if _used(session, number, check_id) is not None:
        raise IdentityUncheckedError


def _used(session: Session, number: str, check_id: str) -> dict[str, Json] | None:
    query = select(AuditEntry.details).where(
        AuditEntry.subject == f"card:{number}", AuditEntry.action.in_(_ENDS)
    )
    told = session.scalars(query)
    return next((details for details in told if details.get("check") == check_id), None)
