"""Deliveries: each a challenge that the card's own key answers once its holder has set a PIN."""

from datetime import datetime
from enum import StrEnum, unique

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from issuance.database import Base, one_of
from issuance.enrolment.models import STATE_LENGTH
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.lifecycle.models import CARD_NUMBER_LENGTH, Card
from issuance.operators.models import USERNAME_LENGTH
from pki.store.database import UtcDateTime


@unique
class DeliveryState(StrEnum):
    """Where a delivery stands."""

    OPEN = "open"
    PROVEN = "proven"
    """The card has answered; its certificates are being activated."""
    COMPLETED = "completed"
    CLOSED = "closed"


_UNDER_WAY = text("state IN ('open', 'proven')")


class Delivery(Base):
    """One attempt at handing over one card."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint(one_of("state", [state.value for state in DeliveryState]), "state"),
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
    challenge: Mapped[bytes] = mapped_column(LargeBinary)
    tries_left: Mapped[int]
    opened_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    proven_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    card: Mapped[Card] = relationship()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it from the class
