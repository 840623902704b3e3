"""What a backup brought back and must open nothing again (ADR 41)."""

from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from issuance.approval.models import ApprovalBatch
from issuance.operators.models import OperatorSession
from issuance.selfservice.models import CitizenSession
from issuance.stations.models import StationCode


def end_what_opens(session: Session, now: datetime) -> None:
    """Logins, stations' one-time codes, batches that wait for a confirmation: they may have ended since."""
    session.execute(delete(OperatorSession))
    session.execute(delete(CitizenSession))
    unused, waiting = StationCode.used_at.is_(None), ApprovalBatch.confirmed_at.is_(None)
    session.execute(update(StationCode).where(unused).values(tries_left=0))
    session.execute(
        update(ApprovalBatch)
        .where(waiting, ApprovalBatch.expires_at > now)
        .values(expires_at=now, version=ApprovalBatch.version + 1)
        .execution_options(synchronize_session=False)
    )
