"""Possible duplicates of an application's person, and what was decided about each."""

from datetime import datetime
from enum import StrEnum, unique

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from issuance.database import Base, one_of
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.operators.models import USERNAME_LENGTH
from issuance.registry.models import Citizen, national_code_type
from pki.store.database import UtcDateTime
from pki.store.encrypted import OVERHEAD_BYTES, EncryptedText

_CAUSES_LENGTH = 100
_DECISION_LENGTH = 8


@unique
class MatchDecision(StrEnum):
    """Whether two codes are one person's."""

    SAME = "same"
    OTHER = "other"


class DuplicateMatch(Base):
    """Somebody under another code who may be the applicant."""

    __tablename__ = "duplicate_matches"
    __table_args__ = (
        CheckConstraint("score BETWEEN 0 AND 100", "score"),
        CheckConstraint(
            "decision IS NULL OR " + one_of("decision", [each.value for each in MatchDecision]), "decision"
        ),
        CheckConstraint("(decision IS NULL) = (decided_by IS NULL)", "decided_by_somebody"),
        CheckConstraint(
            f"decision IS NULL OR length(reason) > {OVERHEAD_BYTES}", "decided_with_reason"
        ),  # it is encrypted
    )

    application_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("applications.id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Names the match where a national code must not stand: in URLs."""
    national_code: Mapped[str] = mapped_column(national_code_type(), ForeignKey("citizens.national_code"))
    score: Mapped[int]
    causes: Mapped[str] = mapped_column(String(_CAUSES_LENGTH))
    """What agrees, in words separated by spaces."""
    found_at: Mapped[datetime] = mapped_column(UtcDateTime())
    decision: Mapped[str | None] = mapped_column(String(_DECISION_LENGTH))
    decided_by: Mapped[str | None] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    reason: Mapped[str] = mapped_column(EncryptedText("duplicate_matches.reason"), default="")
    citizen: Mapped[Citizen] = relationship()
