"""Batches of approvals: exactly these applications in exactly these versions."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from issuance.database import Base
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.operators.models import USERNAME_LENGTH
from pki.store.database import UtcDateTime

_OUTCOME_LENGTH = 40


class ApprovalBatch(Base):
    """What one person means to approve at once, until they prove again who they are."""

    __tablename__ = "approval_batches"

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    version: Mapped[int] = mapped_column()
    proposed_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    items: Mapped[list["ApprovalBatchItem"]] = relationship(order_by="ApprovalBatchItem.application_id")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it from the class


class ApprovalBatchItem(Base):
    """One application of a batch, and how it went."""

    __tablename__ = "approval_batch_items"

    batch_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("approval_batches.id"), primary_key=True
    )
    application_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("applications.id"), primary_key=True
    )
    application_version: Mapped[int]
    """What was looked at."""
    outcome: Mapped[str | None] = mapped_column(String(_OUTCOME_LENGTH))
    """`approved`, or the kind of the refusal; None: not tried."""
