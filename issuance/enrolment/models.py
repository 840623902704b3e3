"""Applications. The rules that must hold whatever the code does stand here as constraints."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from issuance.database import Base, one_of
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.lifecycle.states import OPEN_APPLICATION_STATES, ApplicationState
from issuance.offices.models import FIRST_OFFICE, OFFICE_CODE_LENGTH
from issuance.operators.models import USERNAME_LENGTH
from issuance.registry.models import CODE_LENGTH, NAME_LENGTH, Citizen
from pki.store.database import UtcDateTime

STATE_LENGTH = 16
NOTE_LENGTH = 500


_OPEN = text(one_of("state", [state.value for state in OPEN_APPLICATION_STATES]))


class Application(Base):
    """One person's wish for one card."""

    __tablename__ = "applications"
    __table_args__ = (
        CheckConstraint(one_of("state", [state.value for state in ApplicationState]), "state"),
        CheckConstraint("decided_by IS NULL OR decided_by <> enrolled_by", "not_own_work"),
        CheckConstraint("state IN ('draft', 'submitted', 'returned') OR decided_by IS NOT NULL", "decided"),
        UniqueConstraint("id", "state", name="uq_applications_id_state"),
        Index(
            "uq_applications_open", "national_code", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
        ),
        Index("ix_applications_state_created_at", "state", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    national_code: Mapped[str] = mapped_column(
        String(CODE_LENGTH), ForeignKey("citizens.national_code"), index=True
    )
    office: Mapped[str] = mapped_column(
        String(OFFICE_CODE_LENGTH), ForeignKey("offices.code"), index=True, default=FIRST_OFFICE
    )
    """Where it was opened, and where the card is made and handed over."""
    state: Mapped[str] = mapped_column(String(STATE_LENGTH))
    version: Mapped[int] = mapped_column()
    latin_given_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    latin_surname: Mapped[str] = mapped_column(String(NAME_LENGTH))
    portrait: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    enrolled_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    submitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    decided_by: Mapped[str | None] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    decision_note: Mapped[str] = mapped_column(String(NOTE_LENGTH), default="")
    citizen: Mapped[Citizen] = relationship()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it from the class
