"""Runs and their journal; renewals."""

from datetime import datetime
from enum import StrEnum, unique
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import JSON

from issuance.database import Base, one_of
from issuance.enrolment.models import STATE_LENGTH, Application
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.lifecycle.models import CARD_NUMBER_LENGTH, PROFILE_LENGTH, SERIAL_LENGTH, Card
from issuance.operators.models import USERNAME_LENGTH
from issuance.production.steps import ENDED, ProductionState, StepState
from issuance.sealedrows import SealedRow
from pki.store.database import UtcDateTime

_STEP_LENGTH = 40
KIND_LENGTH = 40
READER_LENGTH = 200
DETAIL_LENGTH = 300

_OPEN = text(one_of("state", [state.value for state in ProductionState if state not in ENDED]))


class Production(Base):
    """One application's run on one body, over as many attempts as it takes."""

    __tablename__ = "productions"
    __table_args__ = (
        CheckConstraint(one_of("state", [state.value for state in ProductionState]), "state"),
        UniqueConstraint("id", "started_by", "resumed_by", name="uq_productions_people"),
        Index(
            "uq_productions_open", "application_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
        ),
    )

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    application_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("applications.id"), index=True
    )
    card_number: Mapped[str | None] = mapped_column(
        String(CARD_NUMBER_LENGTH), ForeignKey("cards.card_number"), index=True
    )
    state: Mapped[str] = mapped_column(String(STATE_LENGTH))
    version: Mapped[int] = mapped_column()
    reader: Mapped[str] = mapped_column(String(READER_LENGTH))
    started_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    resumed_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    """Who began the last attempt: at first, who started the run."""
    started_at: Mapped[datetime] = mapped_column(UtcDateTime())
    lease_expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    """A running run that has not moved until then belongs to a process that died."""
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    attempts: Mapped[int] = mapped_column(default=1)
    apdus: Mapped[int] = mapped_column(default=0)
    failure_kind: Mapped[str | None] = mapped_column(String(KIND_LENGTH))
    failure_detail: Mapped[str | None] = mapped_column(String(DETAIL_LENGTH))
    application: Mapped[Application] = relationship()
    journal: Mapped[list["JournalEntry"]] = relationship(order_by="JournalEntry.number")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it from the class


class JournalEntry(Base):
    """One try at one step, written before it and again after it."""

    __tablename__ = "production_journal"
    __table_args__ = (CheckConstraint(one_of("state", [state.value for state in StepState]), "state"),)

    production_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("productions.id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempt: Mapped[int]
    step: Mapped[str] = mapped_column(String(_STEP_LENGTH))
    state: Mapped[str] = mapped_column(String(STATE_LENGTH))
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    apdus: Mapped[int] = mapped_column(default=0)
    data: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    """What later steps and later attempts need: public keys, requests, identifiers. Nothing secret."""


@unique
class RenewalState(StrEnum):
    """Where a renewal stands."""

    BEGUN = "begun"
    """The slot has its old key, or a new one that nothing was certified for."""
    REQUESTED = "requested"
    """The slot has the key of the recorded request; a certificate may have been issued for it."""
    FINISHED = "finished"
    """The certificate is on the card, and good."""
    GIVEN_UP = "given_up"
    """What was issued is revoked; the slot waits for another renewal."""


OPEN_RENEWAL_STATES = frozenset({RenewalState.BEGUN, RenewalState.REQUESTED})
_OPEN_RENEWAL = text(one_of("state", [state.value for state in OPEN_RENEWAL_STATES]))


class Renewal(SealedRow, Base):
    """One slot's new key and certificate, over as many attempts as it takes."""

    SEALED: ClassVar = ("id", "card_number", "profile", "state", "csr", "ends_at", "serial", "started_by")
    SEALED_AS: ClassVar = "renewal"
    WAY_ON: ClassVar = "replace the card"

    __tablename__ = "renewals"
    __table_args__ = (
        CheckConstraint(one_of("state", [state.value for state in RenewalState]), "state"),
        CheckConstraint("state NOT IN ('requested', 'finished') OR csr IS NOT NULL", "requested"),
        CheckConstraint("(state = 'finished') = (serial IS NOT NULL)", "finished"),
        Index(
            "uq_renewals_open",
            "card_number",
            "profile",
            unique=True,
            sqlite_where=_OPEN_RENEWAL,
            postgresql_where=_OPEN_RENEWAL,
        ),
    )

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    card_number: Mapped[str] = mapped_column(
        String(CARD_NUMBER_LENGTH), ForeignKey("cards.card_number"), index=True
    )
    profile: Mapped[str] = mapped_column(String(PROFILE_LENGTH))
    state: Mapped[str] = mapped_column(String(STATE_LENGTH))
    version: Mapped[int] = mapped_column()
    csr: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The certification request that the new key signed."""
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """The end of the certificate that is asked for; kept with the request, whatever is decreed after it."""
    serial: Mapped[str | None] = mapped_column(String(SERIAL_LENGTH))
    """Of the new certificate, in hexadecimal digits."""
    started_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    card: Mapped[Card] = relationship()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it from the class
