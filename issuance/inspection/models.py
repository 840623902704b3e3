"""Inspections."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.operators.models import USERNAME_LENGTH
from pki.store.database import UtcDateTime
from pki.store.encrypted import EncryptedText

REASON_LENGTH = 200


class Inspection(Base):
    """What somebody who had no part in making a card found when they looked at it; once for each card."""

    __tablename__ = "inspections"
    __table_args__ = (
        ForeignKeyConstraint(
            ["production_id", "started_by", "resumed_by"],
            ["productions.id", "productions.started_by", "productions.resumed_by"],
            name="fk_inspections_production",
        ),
        CheckConstraint("inspected_by <> started_by AND inspected_by <> resumed_by", "not_own_work"),
        CheckConstraint("accepted OR reason IS NOT NULL", "rejected_with_reason"),
    )

    production_id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    started_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH))
    resumed_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH))
    """The run's, by the foreign key: neither of them may inspect."""
    inspected_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    inspected_at: Mapped[datetime] = mapped_column(UtcDateTime())
    accepted: Mapped[bool]
    reason: Mapped[str | None] = mapped_column(EncryptedText("inspections.reason"))
