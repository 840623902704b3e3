"""Renewals of keys on issued cards; which channel keys a card has; which certificates gave way to others."""

import sqlalchemy as sa
from alembic import op

from pki.store.database import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_OPEN = sa.text("state IN ('begun', 'requested')")


def upgrade() -> None:
    # Every card until now has the channel keys that production left on it.
    op.add_column("cards", sa.Column("channel_version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("cards", sa.Column("pending_channel_version", sa.Integer(), nullable=True))
    op.add_column("card_certificates", sa.Column("superseded_at", UtcDateTime(), nullable=True))
    _create_renewals()


def downgrade() -> None:
    op.drop_table("renewals")
    op.drop_column("card_certificates", "superseded_at")
    op.drop_column("cards", "pending_channel_version")
    op.drop_column("cards", "channel_version")


def _create_renewals() -> None:
    op.create_table(
        "renewals",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("card_number", sa.String(length=10), nullable=False),
        sa.Column("profile", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("csr", sa.LargeBinary(), nullable=True),
        sa.Column("serial", sa.String(length=40), nullable=True),
        sa.Column("started_by", sa.String(length=64), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('begun', 'finished', 'given_up', 'requested')", name=op.f("ck_renewals_state")
        ),
        sa.CheckConstraint(
            "state NOT IN ('requested', 'finished') OR csr IS NOT NULL", name=op.f("ck_renewals_requested")
        ),
        sa.CheckConstraint("(state = 'finished') = (serial IS NOT NULL)", name=op.f("ck_renewals_finished")),
        sa.ForeignKeyConstraint(["card_number"], ["cards.card_number"], name=op.f("fk_renewals_card_number")),
        sa.ForeignKeyConstraint(["started_by"], ["operators.username"], name=op.f("fk_renewals_started_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewals")),
    )
    op.create_index(op.f("ix_renewals_card_number"), "renewals", ["card_number"], unique=False)
    op.create_index(
        "uq_renewals_open",
        "renewals",
        ["card_number", "profile"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
