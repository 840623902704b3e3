"""Batches, bodies and their movements. What must hold whatever the code does stands here as constraints.

A body's row names its last movement, and each movement the one before it, with state, office and person: by
these foreign keys a body is where its ledger says, in one state, and two people act where two must.
"""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import JSON

from issuance.database import Base, one_of
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.offices.models import OFFICE_CODE_LENGTH
from issuance.operators.models import USERNAME_LENGTH
from issuance.stock.states import BODY, BatchState, BodyEvent, BodyState, Difference
from pki.store.database import UtcDateTime

SERIAL_DIGITS = 10
"""A body's serial is the number of the card that is made on it."""
PRODUCT_LENGTH = 40
NOTE_LENGTH = 64
REASON_LENGTH = 200
_WORD_LENGTH = 16

_TWO_PEOPLE = (BodyEvent.RECEIVE, BodyEvent.DESTROY)
"""Who does these is another than who counted, or condemned."""


def _arrows() -> str:
    """The table of arrows as SQL. NULL equals nothing, and a CHECK that is neither true nor false holds."""
    received = f"(kind = '{BodyEvent.RECEIVE}' AND from_state IS NULL AND to_state = '{BodyState.IN_STOCK}')"
    opened = "(kind = 'opening' AND from_state IS NULL AND to_state IN ('spoiled', 'used'))"
    arrows = [
        f"(kind = '{event}' AND coalesce(from_state, '') = '{state}' AND to_state = '{target}')"
        for (state, event), target in BODY.arrows.items()
    ]
    return " OR ".join([received, opened, *sorted(arrows)])


class Batch(Base):
    """One delivery of bodies, of one product, with the supplier's note."""

    __tablename__ = "stock_batches"
    __table_args__ = (
        CheckConstraint(one_of("state", [state.value for state in BatchState]), "state"),
        CheckConstraint("bodies > 0", "bodies"),
        CheckConstraint("confirmed_by <> counted_by", "two_people"),
        CheckConstraint("state NOT IN ('counted', 'confirmed') OR counted_by IS NOT NULL", "counted"),
        CheckConstraint("(state = 'confirmed') = (confirmed_by IS NOT NULL)", "confirmed"),
        Index("ix_stock_batches_office_state", "office", "state"),
    )

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    office: Mapped[str] = mapped_column(String(OFFICE_CODE_LENGTH), ForeignKey("offices.code"))
    product: Mapped[str] = mapped_column(String(PRODUCT_LENGTH))
    """The supplier's name of chip and body."""
    delivery_note: Mapped[str] = mapped_column(String(NOTE_LENGTH), unique=True)
    state: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    version: Mapped[int] = mapped_column()
    bodies: Mapped[int]
    """As many as the note says."""
    noted: Mapped[list[list[str]]] = mapped_column(JSON)
    """Ranges of serials on the note, first and last."""
    counted: Mapped[list[list[str]]] = mapped_column(JSON)
    """Ranges of serials that were found."""
    expected_on: Mapped[date | None]
    announced_by: Mapped[str | None] = mapped_column(
        String(USERNAME_LENGTH), ForeignKey("operators.username")
    )
    announced_at: Mapped[datetime] = mapped_column(UtcDateTime())
    counted_by: Mapped[str | None] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    counted_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    confirmed_by: Mapped[str | None] = mapped_column(
        String(USERNAME_LENGTH), ForeignKey("operators.username")
    )
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it from the class


class BatchDifference(Base):
    """One body by which a confirmed batch differs from its note."""

    __tablename__ = "stock_differences"
    __table_args__ = (CheckConstraint(one_of("kind", [kind.value for kind in Difference]), "kind"),)

    batch_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("stock_batches.id"), primary_key=True
    )
    serial: Mapped[str] = mapped_column(String(SERIAL_DIGITS), primary_key=True)
    kind: Mapped[str] = mapped_column(String(_WORD_LENGTH))


class Movement(Base):
    """One thing that happened to one body. Rows are only added: the database refuses anything else."""

    __tablename__ = "stock_movements"
    __table_args__ = (
        CheckConstraint(_arrows(), "arrow"),
        CheckConstraint(
            "(number = 1 AND previous IS NULL AND from_state IS NULL AND from_office IS NULL) OR "
            "(number > 1 AND coalesce(previous, 0) = number - 1 AND from_state IS NOT NULL "
            "AND from_office IS NOT NULL AND previous_actor IS NOT NULL)",
            "previous",
        ),
        CheckConstraint("from_office IS NULL OR kind = 'send' OR to_office = from_office", "office"),
        CheckConstraint("kind <> 'send' OR to_office <> from_office", "elsewhere"),
        CheckConstraint(
            f"NOT ({one_of('kind', [event.value for event in _TWO_PEOPLE])}) OR "
            "(previous_actor IS NOT NULL AND actor <> previous_actor)",
            "two_people",
        ),
        UniqueConstraint("serial", "number", "to_state", "to_office", "actor", name="uq_stock_movements_end"),
        ForeignKeyConstraint(
            ["serial", "previous", "from_state", "from_office", "previous_actor"],
            [
                "stock_movements.serial",
                "stock_movements.number",
                "stock_movements.to_state",
                "stock_movements.to_office",
                "stock_movements.actor",
            ],
            name="fk_stock_movements_previous",
        ),
        Index("ix_stock_movements_to_office_at", "to_office", "at"),
        Index("ix_stock_movements_from_office_at", "from_office", "at"),
    )

    serial: Mapped[str] = mapped_column(String(SERIAL_DIGITS), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 1, for each body."""
    previous: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    from_state: Mapped[str | None] = mapped_column(String(_WORD_LENGTH))
    to_state: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    from_office: Mapped[str | None] = mapped_column(String(OFFICE_CODE_LENGTH))
    to_office: Mapped[str] = mapped_column(String(OFFICE_CODE_LENGTH), ForeignKey("offices.code"))
    actor: Mapped[str] = mapped_column(String(USERNAME_LENGTH))
    """An operator, or `system`."""
    previous_actor: Mapped[str | None] = mapped_column(String(USERNAME_LENGTH))
    """Of the movement before; of the first one, who counted."""
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    reason: Mapped[str] = mapped_column(String(REASON_LENGTH))


class Body(Base):
    """One card body, where its last movement left it."""

    __tablename__ = "stock_bodies"
    __table_args__ = (
        CheckConstraint(one_of("state", [state.value for state in BodyState]), "state"),
        CheckConstraint("(state = 'reserved') = (application_id IS NOT NULL)", "reserved"),
        ForeignKeyConstraint(
            ["serial", "moves", "state", "office", "moved_by"],
            [
                "stock_movements.serial",
                "stock_movements.number",
                "stock_movements.to_state",
                "stock_movements.to_office",
                "stock_movements.actor",
            ],
            name="fk_stock_bodies_last_movement",
        ),
        Index("ix_stock_bodies_office_state", "office", "state"),
    )

    serial: Mapped[str] = mapped_column(String(SERIAL_DIGITS), primary_key=True)
    batch_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("stock_batches.id"), index=True
    )
    office: Mapped[str] = mapped_column(String(OFFICE_CODE_LENGTH), ForeignKey("offices.code"))
    state: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    moves: Mapped[int]
    """Movements until now."""
    moved_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH))
    application_id: Mapped[str | None] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("applications.id"), index=True
    )
    """The order that it is reserved for."""
