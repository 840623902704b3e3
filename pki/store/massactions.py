"""The tables of mass actions: the decision, what it means certificate by certificate, and what was done."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from pki.store.columns import Serial, UtcSeconds
from pki.store.models import Base

_NAME = 64
_NOTE = 200
_DIGEST_BYTES = 32


class MassActionRow(Base):
    """One decision: proposed by an officer, approved by another, then carried out part by part."""

    __tablename__ = "mass_actions"
    __table_args__ = (
        CheckConstraint("kind IN ('hold', 'release', 'revoke')", name="kind"),
        CheckConstraint("(kind = 'revoke') = (reason IS NOT NULL)", name="reason"),
        CheckConstraint(
            "state IN ('proposed', 'approved', 'running', 'paused', 'cancelled', 'done')", name="state"
        ),
        CheckConstraint("approved_by IS NULL OR approved_by <> proposed_by", name="two_officers"),
        CheckConstraint("(approved_by IS NULL) = (approved IS NULL)", name="approved"),
        CheckConstraint(
            "state IN ('proposed', 'cancelled') OR approved_by IS NOT NULL", name="approved_first"
        ),
    )

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(32))
    invalidity_date: Mapped[datetime | None] = mapped_column(UtcSeconds())
    note: Mapped[str] = mapped_column(String(_NOTE))
    selection: Mapped[str] = mapped_column(Text)
    """Canonical JSON of what was asked for."""
    preview: Mapped[str] = mapped_column(Text)
    """Canonical JSON of what that meant when it was proposed."""
    digest: Mapped[bytes] = mapped_column(LargeBinary(_DIGEST_BYTES))
    """SHA-256 over the whole proposal: what the second officer confirms."""
    proposed_by: Mapped[str] = mapped_column(String(_NAME))
    proposed: Mapped[datetime] = mapped_column(UtcSeconds())
    approved_by: Mapped[str | None] = mapped_column(String(_NAME))
    approved: Mapped[datetime | None] = mapped_column(UtcSeconds())
    state: Mapped[str] = mapped_column(String(16))
    closed: Mapped[datetime | None] = mapped_column(UtcSeconds())
    """When it was done or cancelled."""


class MassTarget(Base):
    """A certificate that a mass action means. What was issued after the proposal is not among them.

    Without foreign keys: they are copied from the certificates by the million, in one statement.
    """

    __tablename__ = "mass_action_targets"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's own form

    action: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    issuer: Mapped[str] = mapped_column(String(_NAME), primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    serial: Mapped[int] = mapped_column(Serial(), primary_key=True, autoincrement=False)
    standing_version: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """The certificate's at the proposal: a release lifts the hold that was seen, and none that came later."""


class MassSkip(Base):
    """A target that the rules left as it was, and why. The other targets of finished parts were changed."""

    __tablename__ = "mass_action_skips"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's own form

    action: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    serial: Mapped[int] = mapped_column(Serial(), primary_key=True, autoincrement=False)
    why: Mapped[str] = mapped_column(String(32))


class MassPart(Base):
    """One transaction of a mass action, over the targets from its first place to its last."""

    __tablename__ = "mass_action_parts"

    action: Mapped[int] = mapped_column(ForeignKey(MassActionRow.number), primary_key=True)
    part: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    issuer: Mapped[str] = mapped_column(String(_NAME))
    first_shard: Mapped[int] = mapped_column(SmallInteger)
    first_serial: Mapped[int] = mapped_column(Serial())
    last_shard: Mapped[int] = mapped_column(SmallInteger)
    last_serial: Mapped[int] = mapped_column(Serial())
    moved: Mapped[int] = mapped_column(BigInteger)
    """Certificates whose status changed."""
    reheld: Mapped[int] = mapped_column(BigInteger)
    """Certificates that stay on hold, under another hold than before."""
    skipped: Mapped[int] = mapped_column(BigInteger)
    status_version: Mapped[int | None] = mapped_column(BigInteger)
    """The issuer's new one; None where no status changed."""
    serials: Mapped[bytes] = mapped_column(LargeBinary(_DIGEST_BYTES))
    """SHA-256 over the serials moved or reheld, 16 octets each, in the order of shards and serials."""
    done: Mapped[datetime] = mapped_column(UtcSeconds())
