"""Mass actions, the keys in them, and the transactions by which they were carried out."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from issuance.database import Base, one_of
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.lifecycle.models import CARD_NUMBER_LENGTH
from issuance.massactions.states import ActionState, ItemState, Phase
from issuance.operators.models import USERNAME_LENGTH
from issuance.provenance.models import ISSUER_LENGTH, SLOT_LENGTH
from pki.store.columns import Serial
from pki.store.database import UtcDateTime

REASON_LENGTH = 150
"""It stands in the authority's record too, behind the action's identifier."""
_WORD_LENGTH = 16
_WHY_LENGTH = 32


class MassAction(Base):
    """One decision over many keys. One person proposes, another confirms; to lift it two decide again."""

    __tablename__ = "mass_actions"
    __table_args__ = (
        CheckConstraint(one_of("state", [state.value for state in ActionState]), "state"),
        CheckConstraint("confirmed_by <> proposed_by", "two_people"),
        CheckConstraint("(confirmed_by IS NULL) = (confirmed_at IS NULL)", "confirmed"),
        CheckConstraint("state IN ('proposed', 'cancelled') OR confirmed_by IS NOT NULL", "confirmed_first"),
        CheckConstraint("lift_confirmed_by <> lift_proposed_by", "two_people_lift"),
        CheckConstraint("lift_confirmed_by IS NULL OR lift_proposed_by IS NOT NULL", "lift_proposed_first"),
        CheckConstraint(
            "(state IN ('lifted', 'lifting')) = (lift_confirmed_by IS NOT NULL)", "lift_confirmed_first"
        ),
        CheckConstraint("(lift_proposed_by IS NULL) = (lift_reason IS NULL)", "lift_reason"),
        CheckConstraint("reason <> ''", "reason"),
        CheckConstraint("tolerance >= 0", "tolerance"),
        CheckConstraint("(state IN ('holding', 'lifting')) = (turn IS NOT NULL)", "at_work"),
        CheckConstraint("turn IS NULL OR turn = 1", "turn"),
    )

    id: Mapped[str] = mapped_column(String(IDENTIFIER_LENGTH), primary_key=True)
    version: Mapped[int] = mapped_column()
    state: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    turn: Mapped[int | None] = mapped_column(SmallInteger, unique=True)
    """1 while keys are being held or released: by the unique index one action at a time has it."""
    selection: Mapped[str] = mapped_column(Text)
    """Canonical JSON of what was asked for."""
    preview: Mapped[str] = mapped_column(Text)
    """Canonical JSON of what that meant when it was proposed."""
    tolerance: Mapped[int] = mapped_column()
    """By how many keys, come or gone, the selection may differ when it is confirmed."""
    reason: Mapped[str] = mapped_column(String(REASON_LENGTH))
    proposed_by: Mapped[str] = mapped_column(String(USERNAME_LENGTH), ForeignKey("operators.username"))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    confirmed_by: Mapped[str | None] = mapped_column(
        String(USERNAME_LENGTH), ForeignKey("operators.username")
    )
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    lift_reason: Mapped[str | None] = mapped_column(String(REASON_LENGTH))
    lift_proposed_by: Mapped[str | None] = mapped_column(
        String(USERNAME_LENGTH), ForeignKey("operators.username")
    )
    lift_proposed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    lift_confirmed_by: Mapped[str | None] = mapped_column(
        String(USERNAME_LENGTH), ForeignKey("operators.username")
    )
    lift_confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    keys: Mapped[int] = mapped_column()
    """In the action; counted at the proposal, and again at the confirmation."""
    round: Mapped[int] = mapped_column(default=0)
    """How often the authority was asked: once to hold, and to release until nothing is left."""
    authority_number: Mapped[int | None] = mapped_column(BigInteger)
    """The authority's own mass action of this round; None until it is begun."""
    moved_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When something was last done of it."""
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it from the class


class MassItem(Base):
    """One key in a mass action. In the authority's order, so that a part of it is one range here.

    Without references to keys and cards: they are copied from the index by the million, in one statement.
    """

    __tablename__ = "mass_items"
    __table_args__ = (
        CheckConstraint(one_of("state", [state.value for state in ItemState]), "state"),
        CheckConstraint("state <> 'skipped' OR why IS NOT NULL", "skipped_for_a_reason"),
        Index("ix_mass_items_card_number", "card_number"),
        Index("ix_mass_items_serial", "serial"),
        {"sqlite_with_rowid": False},
    )

    action_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("mass_actions.id"), primary_key=True
    )
    issuer: Mapped[str] = mapped_column(String(ISSUER_LENGTH), primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    serial: Mapped[int] = mapped_column(Serial(), primary_key=True, autoincrement=False)
    card_number: Mapped[str] = mapped_column(String(CARD_NUMBER_LENGTH))
    slot: Mapped[str] = mapped_column(String(SLOT_LENGTH))
    state: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    why: Mapped[str | None] = mapped_column(String(_WHY_LENGTH))
    """The authority's reason, or `held by another action`."""


class MassPart(Base):
    """One transaction of one round: keys of one issuer, whole partitions of its CRL as far as they fit."""

    __tablename__ = "mass_parts"
    __table_args__ = (
        CheckConstraint("changed >= 0 AND skipped >= 0", "counts"),
        CheckConstraint(one_of("phase", [phase.value for phase in Phase]), "phase"),
    )

    action_id: Mapped[str] = mapped_column(
        String(IDENTIFIER_LENGTH), ForeignKey("mass_actions.id"), primary_key=True
    )
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """The number that the authority's part has."""
    phase: Mapped[str] = mapped_column(String(_WORD_LENGTH))
    issuer: Mapped[str] = mapped_column(String(ISSUER_LENGTH))
    changed: Mapped[int] = mapped_column()
    """Keys held or released, as the authority counts them."""
    skipped: Mapped[int] = mapped_column()
    done_at: Mapped[datetime] = mapped_column(UtcDateTime())
