"""Looks at people's records. Rows are only added."""

from datetime import datetime
from enum import StrEnum, unique

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base, one_of
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.lookups.purposes import CASE_LENGTH, WITH_CASE, Purpose
from issuance.offices.models import OFFICE_CODE_LENGTH
from issuance.operators.models import USERNAME_LENGTH
from issuance.registry.models import national_code_type
from pki.store.database import UtcDateTime

_WORD_LENGTH = 24


@unique
class What(StrEnum):
    """What was seen."""

    LIST = "list"
    """A line of a list: names, national code, state."""
    APPLICATION = "application"
    PORTRAIT = "portrait"
    REGISTER_ANSWERS = "register-answers"
    MATCHES = "matches"
    """As somebody who may be an applicant, or as that applicant."""
    CARD = "card"
    HISTORY = "history"
    """What became of a person's applications and cards."""
    EXPORT = "export"
    """Everything that is held of a person."""
    LOOKUPS = "lookups"
    """The looks themselves."""


class RecordLookup(Base):
    """One look of one operator at one person's record."""

    __tablename__ = "record_lookups"
    __table_args__ = (
        CheckConstraint(one_of("purpose", [purpose.value for purpose in Purpose]), "purpose"),
        CheckConstraint(one_of("what", [what.value for what in What]), "what"),
        CheckConstraint(
            f"case_number IS NOT NULL OR NOT ({one_of('purpose', [purpose.value for purpose in WITH_CASE])})",
            "case_number",
        ),
        Index("ix_record_lookups_person", "national_code", "at"),
        Index("ix_record_lookups_operator", "operator", "at"),
    )

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    national_code: Mapped[str] = mapped_column(national_code_type(), ForeignKey("citizens.national_code"))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    operator: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    """For auditors; its person is told office and role."""
    role: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    office: Mapped[str] = mapped_column(String(OFFICE_CODE_LENGTH), ForeignKey("offices.code"))
    purpose: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    case_number: Mapped[str | None] = mapped_column(String(CASE_LENGTH))
    what: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    application_id: Mapped[str | None] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("applications.id")
    )
