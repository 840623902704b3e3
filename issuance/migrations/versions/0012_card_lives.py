"""Suspensions with their reasons, recalls of uncollected cards, checks of holders of cards in use."""

import sqlalchemy as sa
from alembic import op

from issuance.migrations.altering import altered
from pki.store.database import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ENDS = "'check_failed', 'refused', {}'revoked', 'superseded', 'tries', 'unrecorded'"
_RUNNING = sa.text("ended_at IS NULL")


def upgrade() -> None:
    with altered("identity_checks") as checks:
        checks.add_column(
            sa.Column("purpose", sa.String(length=16), server_default="delivery", nullable=False)
        )
        checks.create_check_constraint(
            op.f("ck_identity_checks_purpose"), "purpose IN ('delivery', 'presence')"
        )
    _allow_ends(_ENDS.format("'returned', "))
    _create_suspensions()
    _create_recalls()


def downgrade() -> None:
    op.drop_table("card_recalls")
    op.drop_table("card_suspensions")
    op.execute("UPDATE deliveries SET closed_for = 'refused' WHERE closed_for = 'returned'")
    _allow_ends(_ENDS.format(""))
    with altered("identity_checks", ["ck_identity_checks_purpose"]) as checks:
        checks.drop_column("purpose")


def _allow_ends(ends: str) -> None:
    with altered("deliveries", ["ck_deliveries_closed_for"]) as deliveries:
        deliveries.create_check_constraint(
            op.f("ck_deliveries_closed_for"), f"closed_for IS NULL OR closed_for IN ({ends})"
        )


def _create_suspensions() -> None:
    op.create_table(
        "card_suspensions",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("card_number", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("suspended_by", sa.String(length=64), nullable=False),
        sa.Column("suspended_at", UtcDateTime(), nullable=False),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("resumed", sa.Boolean(), nullable=True),
        sa.Column("check_id", sa.String(length=16), nullable=True),
        sa.Column("check_outcome", sa.String(length=16), nullable=True),
        sa.CheckConstraint(
            "reason IN ('call', 'found', 'holder', 'suspicion')", name=op.f("ck_card_suspensions_reason")
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_card_suspensions_ended_by")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (resumed IS NULL)", name=op.f("ck_card_suspensions_ended")),
        sa.CheckConstraint(
            "(check_id IS NULL) = (check_outcome IS NULL)", name=op.f("ck_card_suspensions_checked")
        ),
        sa.CheckConstraint(
            "check_outcome IS NULL OR check_outcome = 'passed'",
            name=op.f("ck_card_suspensions_check_outcome"),
        ),
        sa.CheckConstraint(
            "resumed IS NULL OR NOT resumed OR reason <> 'call' OR check_id IS NOT NULL",
            name=op.f("ck_card_suspensions_resumed"),
        ),
        sa.ForeignKeyConstraint(
            ["card_number"], ["cards.card_number"], name=op.f("fk_card_suspensions_card_number")
        ),
        sa.ForeignKeyConstraint(
            ["check_id", "card_number", "check_outcome"],
            ["identity_checks.id", "identity_checks.card_number", "identity_checks.outcome"],
            name="fk_card_suspensions_check",
        ),
        sa.ForeignKeyConstraint(
            ["ended_by"], ["operators.username"], name=op.f("fk_card_suspensions_ended_by")
        ),
        sa.ForeignKeyConstraint(
            ["suspended_by"], ["operators.username"], name=op.f("fk_card_suspensions_suspended_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_suspensions")),
    )
    op.create_index(
        op.f("ix_card_suspensions_card_number"), "card_suspensions", ["card_number"], unique=False
    )
    op.create_index(
        "uq_card_suspensions_open",
        "card_suspensions",
        ["card_number"],
        unique=True,
        sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    )


def _create_recalls() -> None:
    op.create_table(
        "card_recalls",
        sa.Column("card_number", sa.String(length=10), nullable=False),
        sa.Column("noticed_by", sa.String(length=64), nullable=False),
        sa.Column("noticed_at", UtcDateTime(), nullable=False),
        sa.Column("returned_by", sa.String(length=64), nullable=True),
        sa.Column("returned_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "(returned_at IS NULL) = (returned_by IS NULL)", name=op.f("ck_card_recalls_returned")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_card_recalls_ended")),
        sa.CheckConstraint(
            "ended_at IS NULL OR returned_at IS NOT NULL", name=op.f("ck_card_recalls_returned_first")
        ),
        sa.CheckConstraint("returned_at >= noticed_at", name=op.f("ck_card_recalls_noticed_first")),
        sa.CheckConstraint("ended_by <> returned_by", name=op.f("ck_card_recalls_two_people")),
        sa.ForeignKeyConstraint(
            ["card_number"], ["cards.card_number"], name=op.f("fk_card_recalls_card_number")
        ),
        sa.ForeignKeyConstraint(["ended_by"], ["operators.username"], name=op.f("fk_card_recalls_ended_by")),
        sa.ForeignKeyConstraint(
            ["noticed_by"], ["operators.username"], name=op.f("fk_card_recalls_noticed_by")
        ),
        sa.ForeignKeyConstraint(
            ["returned_by"], ["operators.username"], name=op.f("fk_card_recalls_returned_by")
        ),
        sa.PrimaryKeyConstraint("card_number", name=op.f("pk_card_recalls")),
    )
    op.create_index("ix_card_recalls_noticed_at", "card_recalls", ["noticed_at"], unique=False)
