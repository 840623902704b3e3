"""Checks of persons, deliveries, refusals. No delivery is proven or completed without check, match and PIN.

A delivery names its check with the check's card and outcome: by that foreign key and the CHECKs here it can't
go on from a check that failed, or was another card's. The cards' trigger wants a completed delivery.
"""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from issuance.database import Base, one_of
from issuance.delivery.rules import CheckFault
from issuance.delivery.states import CheckOutcome, CheckPurpose, DeliveryEnd, DeliveryState, RefusalReason
from issuance.enrolment.kinds import DOCUMENT_LENGTH
from issuance.enrolment.models import STATE_LENGTH
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.lifecycle.models import CARD_NUMBER_LENGTH, Card
from issuance.operators.models import USERNAME_LENGTH
from pki.store.database import UtcDateTime

_UNDER_WAY = text("state IN ('open', 'proven')")


class IdentityCheck(Base):
    """What somebody saw when a person came for a card. Rows are only added.

    No image, template or document number: which document, what came of the comparison, by whom.
    """

    __tablename__ = "identity_checks"
    __table_args__ = (
        CheckConstraint(one_of("outcome", [each.value for each in CheckOutcome]), "outcome"),
        CheckConstraint(one_of("purpose", [each.value for each in CheckPurpose]), "purpose"),
        CheckConstraint("(outcome = 'failed') = (fault IS NOT NULL)", "failed_with_fault"),
        CheckConstraint("fault IS NULL OR " + one_of("fault", [each.value for each in CheckFault]), "fault"),
        CheckConstraint(
            "outcome <> 'passed' OR (document IS NOT NULL AND register_answer IS NOT NULL)", "passed_by"
        ),
        CheckConstraint("(score IS NULL) = (threshold IS NULL)", "score_with_threshold"),
        CheckConstraint("outcome <> 'passed' OR score IS NULL OR score >= threshold", "passed_score"),
        CheckConstraint("score IS NULL OR score BETWEEN 0 AND 1000", "score"),
        CheckConstraint("(outcome = 'unrecorded') = (checked_by IS NULL)", "checked_by"),
        UniqueConstraint("id", "card_number", "outcome", name="uq_identity_checks_outcome"),
        ForeignKeyConstraint(
            ["application_id", "register_answer"],
            ["register_answers.application_id", "register_answers.number"],
            name="fk_identity_checks_register_answer",
        ),
        Index("ix_identity_checks_card_number_checked_at", "card_number", "checked_at"),
    )

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    card_number: Mapped[str] = mapped_column(String(CARD_NUMBER_LENGTH), ForeignKey("cards.card_number"))
    application_id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), ForeignKey("applications.id"))
    purpose: Mapped[str] = mapped_column(String(STATE_LENGTH), default=CheckPurpose.DELIVERY.value)
    outcome: Mapped[str] = mapped_column(String(STATE_LENGTH))
    fault: Mapped[str | None] = mapped_column(String(STATE_LENGTH))
    document: Mapped[str | None] = mapped_column(String(DOCUMENT_LENGTH))
    """Which kind; its number is not kept."""
    register_answer: Mapped[int | None]
    """Number of what the civil register said of the application's person."""
    score: Mapped[int | None]
    threshold: Mapped[int | None]
    """Per mille, as the rules were then."""
    checked_by: Mapped[str | None] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime())


class Delivery(Base):
    """One attempt at handing over one card."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint(one_of("state", [state.value for state in DeliveryState]), "state"),
        CheckConstraint("check_outcome IN ('passed', 'unrecorded')", "checked"),
        CheckConstraint(
            "state NOT IN ('proven', 'completed') OR (matched_at IS NOT NULL AND proven_at IS NOT NULL)",
            "proven",
        ),
        CheckConstraint(
            "state NOT IN ('proven', 'completed') OR signature IS NOT NULL "
            "OR (unsigned AND state = 'completed')",
            "signed",
        ),
        CheckConstraint("(state = 'closed') = (closed_for IS NOT NULL)", "closed"),
        CheckConstraint(
            "closed_for IS NULL OR " + one_of("closed_for", [each.value for each in DeliveryEnd]),
            "closed_for",
        ),
        ForeignKeyConstraint(
            ["identity_check_id", "card_number", "check_outcome"],
            ["identity_checks.id", "identity_checks.card_number", "identity_checks.outcome"],
            name="fk_deliveries_identity_check",
        ),
        Index(
            "uq_deliveries_under_way",
            "card_number",
            unique=True,
            sqlite_where=_UNDER_WAY,
            postgresql_where=_UNDER_WAY,
        ),
    )

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    card_number: Mapped[str] = mapped_column(
        String(CARD_NUMBER_LENGTH), ForeignKey("cards.card_number"), index=True
    )
    state: Mapped[str] = mapped_column(String(STATE_LENGTH))
    version: Mapped[int] = mapped_column()
    identity_check_id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), index=True)
    check_outcome: Mapped[str] = mapped_column(String(STATE_LENGTH), default=CheckOutcome.PASSED.value)
    challenge: Mapped[bytes] = mapped_column(LargeBinary)
    tries_left: Mapped[int]
    opened_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    matched_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When the card's own data were found to be the record's and the person's."""
    proven_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When the card signed: with a PIN that is the transport PIN no more (ADR 2, 3)."""
    signature: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The card's, over the challenge: looked at again before the certificates go live."""
    unsigned: Mapped[bool] = mapped_column(default=False)
    """Completed in the days before the signature was kept; no new row is."""
    closed_for: Mapped[str | None] = mapped_column(String(STATE_LENGTH))
    card: Mapped[Card] = relationship()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it from the class


class Recall(Base):
    """A card that nobody collected: its holder was told, it was taken back, and it ended. In this order."""

    __tablename__ = "card_recalls"
    __table_args__ = (
        CheckConstraint("(returned_at IS NULL) = (returned_by IS NULL)", "returned"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", "ended"),
        CheckConstraint("ended_at IS NULL OR returned_at IS NOT NULL", "returned_first"),
        CheckConstraint("returned_at >= noticed_at", "noticed_first"),
        CheckConstraint("ended_by <> returned_by", "two_people"),
        Index("ix_card_recalls_noticed_at", "noticed_at"),
    )

    card_number: Mapped[str] = mapped_column(
        String(CARD_NUMBER_LENGTH), ForeignKey("cards.card_number"), primary_key=True
    )
    noticed_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    noticed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    returned_by: Mapped[str | None] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    returned_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """From then on it is not handed over any more."""
    ended_by: Mapped[str | None] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When its voiding was decided: certificates revoked, body waste, application withdrawn."""


class Refusal(Base):
    """A person did not take a card; it went back to safe keeping. Rows are only added."""

    __tablename__ = "card_refusals"
    __table_args__ = (CheckConstraint(one_of("reason", [each.value for each in RefusalReason]), "reason"),)

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    card_number: Mapped[str] = mapped_column(
        String(CARD_NUMBER_LENGTH), ForeignKey("cards.card_number"), index=True
    )
    reason: Mapped[str] = mapped_column(String(STATE_LENGTH))
    recorded_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime())
