"""Orders and what was promised for them.

An order's state is its application's: the foreign key follows it (ON UPDATE CASCADE), whoever changes it. So
an application is in the queue exactly while it is approved and its card is not begun.
"""

from datetime import date, datetime
from enum import StrEnum, unique

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base, one_of
from issuance.enrolment.models import STATE_LENGTH
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.lifecycle.states import ApplicationState
from issuance.offices.models import OFFICE_CODE_LENGTH
from issuance.operators.models import USERNAME_LENGTH
from pki.store.database import UtcDateTime
from pki.store.encrypted import EncryptedText

REASON_LENGTH = 200
_PRIORITY_LENGTH = 16
RESTORED = "RESTORED"
"""The holder of orders that wait after a restore (`orders.reconciling`); no identifier has an O."""
_WAITING = text(f"state = '{ApplicationState.APPROVED}'")


@unique
class Priority(StrEnum):
    """How an order waits."""

    ORDINARY = "ordinary"
    URGENT = "urgent"


class Order(Base):
    """An approved application, in the queue of its office."""

    __tablename__ = "orders"
    __table_args__ = (
        ForeignKeyConstraint(
            ["application_id", "state"],
            ["applications.id", "applications.state"],
            name="fk_orders_application",
            onupdate="CASCADE",
        ),
        CheckConstraint(one_of("priority", [priority.value for priority in Priority]), "priority"),
        CheckConstraint(
            "(priority = 'urgent') = (urgent_reason IS NOT NULL) AND "
            "(urgent_reason IS NULL) = (urgent_by IS NULL)",
            "urgent_with_reason",
        ),
        CheckConstraint("priority = 'urgent' OR rank_at = approved_at", "rank"),
        CheckConstraint("rank_at <= approved_at", "never_later"),
        CheckConstraint("(holder IS NULL) = (lease_expires_at IS NULL)", "lease"),
        Index(
            "ix_orders_queue",
            "office",
            "rank_at",
            "application_id",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index("ix_orders_urgent", "office", "priority", sqlite_where=_WAITING, postgresql_where=_WAITING),
    )

    application_id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    state: Mapped[str] = mapped_column(String(STATE_LENGTH))
    """The application's."""
    office: Mapped[str] = mapped_column(String(OFFICE_CODE_LENGTH), ForeignKey("offices.code"))
    approved_at: Mapped[datetime] = mapped_column(UtcDateTime())
    priority: Mapped[str] = mapped_column(String(_PRIORITY_LENGTH), default=Priority.ORDINARY.value)
    rank_at: Mapped[datetime] = mapped_column(UtcDateTime())
    """The earliest is next: when it was approved; for an urgent one, a head start before that."""
    urgent_reason: Mapped[str | None] = mapped_column(EncryptedText("orders.urgent_reason"))
    """It tells of the person: an illness, a journey."""
    urgent_by: Mapped[str | None] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    holder: Mapped[str | None] = mapped_column(String(IDENTIFIER_LENGTH))
    """Who has taken it out of the queue and not begun yet."""
    lease_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """Then it is back in its place, whatever became of its holder."""


class Promise(Base):
    """What was told of an order, once. Rows are only added."""

    __tablename__ = "promises"
    __table_args__ = (CheckConstraint("number > 0", "number"),)

    application_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("orders.application_id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    told_at: Mapped[datetime] = mapped_column(UtcDateTime())
    told_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH))
    promised_on: Mapped[date | None]
    """None: nobody could know."""
    position: Mapped[int]
    """Orders ahead of it then."""
    on_hand: Mapped[int]
    cards_per_day: Mapped[float | None]
