"""Cards and the certificates on them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from issuance.database import Base, one_of
from issuance.enrolment.models import STATE_LENGTH, Application
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.lifecycle.states import (
    DECIDED,
    LIVE_CARD_STATES,
    CardState,
    RevocationCause,
    SuspensionReason,
)
from issuance.operators.models import USERNAME_LENGTH
from issuance.registry.models import national_code_type
from pki.store.database import UtcDateTime
from pki.store.encrypted import EncryptedBytes

CARD_NUMBER_LENGTH = 10
SERIAL_LENGTH = 40
PROFILE_LENGTH = 32
_CAUSE_LENGTH = 16
_GUID_LENGTH = 32
FIRST_CHANNEL_VERSION = 1
"""Of the SCP03 keys that production leaves on a card."""

_RUNNING = text("ended_at IS NULL")
_LIVE = text(one_of("state", [state.value for state in LIVE_CARD_STATES]))


class Card(Base):
    """One card body that was taken for one person. A body serves once: its number is never used again."""

    __tablename__ = "cards"
    __table_args__ = (
        CheckConstraint(one_of("state", [state.value for state in CardState]), "state"),
        CheckConstraint(
            "(state = 'revoked') = (revocation_cause IS NOT NULL)",
            "revoked_with_cause",
        ),
        CheckConstraint(
            "revocation_cause IS NULL OR "
            + one_of("revocation_cause", [cause.value for cause in RevocationCause]),
            "revocation_cause",
        ),
        CheckConstraint("state NOT IN ('active', 'suspended') OR delivered_at IS NOT NULL", "delivered"),
        Index("uq_cards_live", "national_code", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
    )

    card_number: Mapped[str] = mapped_column(
        String(CARD_NUMBER_LENGTH), ForeignKey("stock_bodies.serial"), primary_key=True
    )
    """The body's serial, ten digits."""
    national_code: Mapped[str] = mapped_column(
        national_code_type(), ForeignKey("citizens.national_code"), index=True
    )
    application_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("applications.id"), index=True
    )
    state: Mapped[str] = mapped_column(String(STATE_LENGTH))
    version: Mapped[int] = mapped_column()
    guid: Mapped[str] = mapped_column(String(_GUID_LENGTH), unique=True)
    """The CHUID's GUID, 32 hexadecimal digits."""
    key_version: Mapped[int]
    """Version of the labels its keys are derived by (issuance.production.cardsecrets)."""
    channel_version: Mapped[int] = mapped_column(default=FIRST_CHANNEL_VERSION)
    """Version of its SCP03 keys."""
    pending_channel_version: Mapped[int | None]
    """Recorded before the card is given these: it has them or those of `channel_version`."""
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime())
    produced_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    revocation_cause: Mapped[str | None] = mapped_column(String(_CAUSE_LENGTH))
    application: Mapped[Application] = relationship(foreign_keys=application_id)
    certificates: Mapped[list["CardCertificate"]] = relationship(back_populates="card")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it from the class

    @property
    def certificates_in_force(self) -> list["CardCertificate"]:
        """Those whose keys are the card's own until now."""
        return [certificate for certificate in self.certificates if certificate.superseded_at is None]


class Suspension(Base):
    """A time for which a card was stopped. At most one of a card is open."""

    __tablename__ = "card_suspensions"
    __table_args__ = (
        CheckConstraint(one_of("reason", [reason.value for reason in SuspensionReason]), "reason"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", "ended_by"),
        CheckConstraint("(check_id IS NULL) = (check_outcome IS NULL)", "checked"),
        CheckConstraint("check_outcome IS NULL OR check_outcome = 'passed'", "check_outcome"),
        CheckConstraint(
            "resumed IS NULL OR NOT resumed OR reason <> 'call' OR check_id IS NOT NULL", "resumed"
        ),
        CheckConstraint("(ended_at IS NULL) = (resumed IS NULL)", "ended"),
        ForeignKeyConstraint(
            ["check_id", "card_number", "check_outcome"],
            ["identity_checks.id", "identity_checks.card_number", "identity_checks.outcome"],
            name="fk_card_suspensions_check",
        ),
        Index(
            "uq_card_suspensions_open",
            "card_number",
            unique=True,
            sqlite_where=_RUNNING,
            postgresql_where=_RUNNING,
        ),
    )

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    card_number: Mapped[str] = mapped_column(
        String(CARD_NUMBER_LENGTH), ForeignKey("cards.card_number"), index=True
    )
    reason: Mapped[str] = mapped_column(String(_CAUSE_LENGTH))
    suspended_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    suspended_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_by: Mapped[str | None] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    resumed: Mapped[bool | None]
    """Whether the card worked again; else it was revoked, or its holder called and another one follows."""
    check_id: Mapped[str | None] = mapped_column(String(IDENTIFIER_LENGTH))
    """Of the holder, who came for it; after a call nothing else ends it."""
    check_outcome: Mapped[str | None] = mapped_column(String(STATE_LENGTH))


class CardDecision(Base):
    """Something that was decided of a card, from the decision until the authority has done its part."""

    __tablename__ = "card_decisions"
    __table_args__ = (
        CheckConstraint(one_of("event", [event.value for event in DECIDED]), "event"),
        CheckConstraint("(event = 'resume') = (reason IS NULL)", "reason"),
        CheckConstraint("check_id IS NULL OR event = 'resume'", "check_id"),
    )

    card_number: Mapped[str] = mapped_column(
        String(CARD_NUMBER_LENGTH), ForeignKey("cards.card_number"), primary_key=True
    )
    event: Mapped[str] = mapped_column(String(STATE_LENGTH))
    reason: Mapped[str | None] = mapped_column(String(_CAUSE_LENGTH))
    check_id: Mapped[str | None] = mapped_column(String(IDENTIFIER_LENGTH), ForeignKey("identity_checks.id"))
    """Of the holder who came for a resumption."""
    decided_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime())


class CardCertificate(Base):
    """A certificate issued for a card; its status is the authority's to know."""

    __tablename__ = "card_certificates"
    __table_args__ = (Index("ix_card_certificates_card_number_not_after", "card_number", "not_after"),)

    serial: Mapped[str] = mapped_column(String(SERIAL_LENGTH), primary_key=True)
    """Hexadecimal digits: the number is wider than a database's integers."""
    card_number: Mapped[str] = mapped_column(
        String(CARD_NUMBER_LENGTH), ForeignKey("cards.card_number"), index=True
    )
    profile: Mapped[str] = mapped_column(String(PROFILE_LENGTH))
    der: Mapped[bytes] = mapped_column(EncryptedBytes("card_certificates.der"))
    """It names its holder."""
    not_after: Mapped[datetime] = mapped_column(UtcDateTime())
    superseded_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When its key began to be replaced; from then on it is revoked."""
    card: Mapped[Card] = relationship(back_populates="certificates")

    @property
    def serial_number(self) -> int:
        """The serial as a number."""
        return int(self.serial, 16)
