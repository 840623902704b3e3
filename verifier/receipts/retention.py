"""Forgetting receipts that are old enough. The audit keeps what it says of their attempts, and of this."""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select

from pki.auditchain import append
from pki.auditchain.table import queue_writers
from pki.clock import Clock
from pki.officers import officer_label
from verifier.audit import AuditEntry
from verifier.receipts.models import ReceiptRow
from verifier.store.sessions import Database, WriteSession

_BATCH = 1_000
"""Rows of one transaction, for which logins wait."""
_SUBJECT = "receipts"


def purge(database: Database, clock: Clock, older_than: timedelta, operator: str) -> int:
    """Deletes receipts of before then and says how many; what is done stays done when it is interrupted.

    Raises OfficerLabelError.
    """
    officer_label(operator)
    before = clock() - older_than
    deleted = 0
    while True:
        with database.write() as session:
            queue_writers(session, AuditEntry)  # before any row is locked, as logins do it
            count = _delete_some(session, before)
            if count:
                append(
                    session,
                    AuditEntry,
                    time=clock(),
                    actor=operator,
                    action="receipt.purge",
                    subject=_SUBJECT,
                    details={"before": before.isoformat(timespec="seconds"), "count": count},
                )
        deleted += count
        if count < _BATCH:
            return deleted


def _delete_some(session: WriteSession, before: datetime) -> int:
    old = select(ReceiptRow.code).where(ReceiptRow.time < before).order_by(ReceiptRow.time).limit(_BATCH)
    statement = delete(ReceiptRow).where(ReceiptRow.code.in_(old))
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount
