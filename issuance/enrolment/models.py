"""Applications. The rules that must hold whatever the code does stand here as constraints."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from issuance.database import Base, one_of
from issuance.enrolment.kinds import DOCUMENT_LENGTH, ApplicationKind, ReplacementCause
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.lifecycle.states import OPEN_APPLICATION_STATES, ApplicationState
from issuance.offices.models import FIRST_OFFICE, OFFICE_CODE_LENGTH
from issuance.operators.models import USERNAME_LENGTH
from issuance.registry.models import SEAL_LENGTH, Citizen, national_code_type
from pki.store.database import UtcDateTime
from pki.store.encrypted import EncryptedBytes, EncryptedJson, EncryptedText

STATE_LENGTH = 16
NOTE_LENGTH = 500
REASONS_LENGTH = 200
REFERENCE_LENGTH = 64
TRACKING_LENGTH = 10
_KIND_LENGTH = 16
_CARD_NUMBER_LENGTH = 10

UNDECIDED_STATES = (
    ApplicationState.DRAFT,
    ApplicationState.SUBMITTED,
    ApplicationState.RETURNED,
    ApplicationState.WITHDRAWN,
)
"""An application may be in these without anybody's decision."""


_OPEN = text(one_of("state", [state.value for state in OPEN_APPLICATION_STATES]))
_UNDECIDED = one_of("state", [state.value for state in UNDECIDED_STATES])
_WITHOUT_CARD = one_of(
    "state", [*(state.value for state in UNDECIDED_STATES), ApplicationState.REFUSED.value]
)


def _not_by(column: str) -> str:
    return f"decided_by IS NULL OR {column} IS NULL OR decided_by <> {column}"


class Application(Base):
    """One person's wish for one card."""

    __tablename__ = "applications"
    __table_args__ = (
        CheckConstraint(one_of("state", [state.value for state in ApplicationState]), "state"),
        CheckConstraint("decided_by IS NULL OR decided_by <> enrolled_by", "not_own_work"),
        UniqueConstraint("id", "state", name="uq_applications_id_state"),
        CheckConstraint(_not_by("edited_by"), "not_own_edit"),
        CheckConstraint(_not_by("portrait_by"), "not_own_portrait"),
        CheckConstraint(f"{_UNDECIDED} OR decided_by IS NOT NULL", "decided"),
        CheckConstraint(one_of("kind", [kind.value for kind in ApplicationKind]), "kind"),
        CheckConstraint(
            "cause IS NULL OR " + one_of("cause", [cause.value for cause in ReplacementCause]), "cause"
        ),
        CheckConstraint("(kind = 'replacement') = (cause IS NOT NULL)", "replaced_for_cause"),
        CheckConstraint("(kind = 'new') = (replaces IS NULL)", "replaces"),
        CheckConstraint(
            f"undecided_matches = 0 OR (undecided_matches > 0 AND {_WITHOUT_CARD})", "matches_decided"
        ),
        Index(
            "uq_applications_open", "national_code", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
        ),
        Index("ix_applications_state_created_at", "state", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    national_code: Mapped[str] = mapped_column(
        national_code_type(), ForeignKey("citizens.national_code"), index=True
    )
    office: Mapped[str] = mapped_column(
        String(OFFICE_CODE_LENGTH), ForeignKey("offices.code"), index=True, default=FIRST_OFFICE
    )
    """Where it was opened, and where the card is made and handed over."""
    kind: Mapped[str] = mapped_column(String(_KIND_LENGTH), default=ApplicationKind.NEW.value)
    cause: Mapped[str | None] = mapped_column(String(_KIND_LENGTH))
    """Of a replacement."""
    replaces: Mapped[str | None] = mapped_column(
        String(_CARD_NUMBER_LENGTH), ForeignKey("cards.card_number", use_alter=True)
    )
    """The person's card that this one takes the place of."""
    state: Mapped[str] = mapped_column(String(STATE_LENGTH))
    version: Mapped[int] = mapped_column()
    latin_given_name: Mapped[str] = mapped_column(EncryptedText("applications.latin_given_name"))
    latin_surname: Mapped[str] = mapped_column(EncryptedText("applications.latin_surname"))
    seal: Mapped[str] = mapped_column(String(SEAL_LENGTH), default="")
    """Over what the card is made by (`issuance.enrolment.seals`); empty once the person was erased."""
    approval_seal: Mapped[str] = mapped_column(String(SEAL_LENGTH), default="")
    """Over what was approved, and by whom; empty until then, and once the person was erased."""
    portrait: Mapped[bytes] = mapped_column(EncryptedBytes("applications.portrait"), deferred=True)
    enrolled_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    edited_by: Mapped[str | None] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    """Who changed it last."""
    portrait_by: Mapped[str | None] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    """Who captured the portrait."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    submitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    tracking_code: Mapped[str | None] = mapped_column(String(TRACKING_LENGTH), unique=True)
    """From the first submission on."""
    decided_by: Mapped[str | None] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    decision_note: Mapped[str] = mapped_column(EncryptedText("applications.decision_note"), default="")
    decision_reasons: Mapped[str] = mapped_column(String(REASONS_LENGTH), default="")
    """Codes of why it was returned or refused, separated by spaces."""
    undecided_matches: Mapped[int] = mapped_column(default=0)
    """Possible duplicates that nobody has judged: while there are any, it can't be approved."""
    citizen: Mapped[Citizen] = relationship()
    evidence: Mapped[list["Evidence"]] = relationship(
        order_by="Evidence.document", cascade="all, delete-orphan"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it from the class


class ApplicationAuthor(Base):
    """Somebody who had a hand in an application, and so never decides on it. Rows are only added."""

    __tablename__ = "application_authors"

    application_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("applications.id"), primary_key=True
    )
    username: Mapped[str] = mapped_column(
        String(USERNAME_LENGTH), ForeignKey("operators.username"), primary_key=True
    )


class Evidence(Base):
    """A document that was shown for an application."""

    __tablename__ = "application_evidence"

    application_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("applications.id"), primary_key=True
    )
    document: Mapped[str] = mapped_column(String(DOCUMENT_LENGTH), primary_key=True)
    reference: Mapped[str] = mapped_column(EncryptedText("application_evidence.reference"))
    """The document's number, where it has one."""
    seen_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime())


class RegisterAnswer(Base):
    """What the civil register answered for an application, each time it was asked."""

    __tablename__ = "register_answers"

    application_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("applications.id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime())
    asked_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    revision: Mapped[int]
    """Of the civil register's record."""
    taken_over: Mapped[bool]
    """Whether the application goes by it; one that differs waits for a clerk."""
    record: Mapped[dict[str, object]] = mapped_column(EncryptedJson("register_answers.record"))


class EditingLease(Base):
    """Who edits an application now: one at a time, for a while."""

    __tablename__ = "editing_leases"

    application_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("applications.id"), primary_key=True
    )
    holder: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
