"""Decrees and the cards that they extend."""

from datetime import date, datetime
from enum import StrEnum, unique

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base, one_of
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.lifecycle.models import CARD_NUMBER_LENGTH
from issuance.offices.models import OFFICE_CODE_LENGTH
from issuance.operators.models import USERNAME_LENGTH
from pki.store.database import UtcDateTime

NUMBER_LENGTH = 40
_WORD_LENGTH = 16


@unique
class DecreeState(StrEnum):
    """Where a decree stands."""

    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    REJECTED = "rejected"


class Decree(Base):
    """An authority's word that cards are valid longer than they say. What is in force is never changed."""

    __tablename__ = "decrees"
    __table_args__ = (
        CheckConstraint(one_of("state", [state.value for state in DecreeState]), "state"),
        CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", "decided_by"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", "decided_at"),
        CheckConstraint("decided_by <> proposed_by", "two_people"),
        CheckConstraint("(state = 'in_force') = (cards IS NOT NULL)", "cards"),
        CheckConstraint("expires_from <= expires_to AND expires_to < extended_to", "later"),
        CheckConstraint("(born_from IS NULL) = (born_to IS NULL) AND born_from <= born_to", "born"),
        Index("ix_decrees_state_decided_at", "state", "decided_at"),
    )

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    number: Mapped[str] = mapped_column(String(NUMBER_LENGTH), unique=True)
    """The authority's."""
    decreed_on: Mapped[date]
    expires_from: Mapped[date]
    """Cards whose end, printed or extended before, lies between these days, both included."""
    expires_to: Mapped[date]
    office: Mapped[str | None] = mapped_column(String(OFFICE_CODE_LENGTH), ForeignKey("offices.code"))
    """Of this office's applications alone."""
    born_from: Mapped[date | None]
    born_to: Mapped[date | None]
    """Of holders born between these days alone; a cohort's bounds, nobody's birth date."""
    extended_to: Mapped[date]
    """The last day of their validity then."""
    state: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    version: Mapped[int] = mapped_column()
    cards: Mapped[int | None]
    """As many as it extended."""
    proposed_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    decided_by: Mapped[str | None] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime())

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it from the class


class CardExtension(Base):
    """One card that a decree extended. Rows are only added."""

    __tablename__ = "card_extensions"

    card_number: Mapped[str] = mapped_column(
        String(CARD_NUMBER_LENGTH), ForeignKey("cards.card_number"), primary_key=True
    )
    decree_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("decrees.id"), primary_key=True, index=True
    )
    until: Mapped[date]
