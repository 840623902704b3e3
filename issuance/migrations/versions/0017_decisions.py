"""What was decided of a card and is not done yet."""

import sqlalchemy as sa
from alembic import op

from pki.store.database import UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "card_decisions",
        sa.Column("card_number", sa.String(length=10), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=True),
        sa.Column("check_id", sa.String(length=16), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("event IN ('resume', 'revoke', 'suspend')", name=op.f("ck_card_decisions_event")),
        sa.CheckConstraint("(event = 'resume') = (reason IS NULL)", name=op.f("ck_card_decisions_reason")),
        sa.CheckConstraint("check_id IS NULL OR event = 'resume'", name=op.f("ck_card_decisions_check_id")),
        sa.ForeignKeyConstraint(
            ["card_number"], ["cards.card_number"], name=op.f("fk_card_decisions_card_number")
        ),
        sa.ForeignKeyConstraint(
            ["check_id"], ["identity_checks.id"], name=op.f("fk_card_decisions_check_id")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["operators.username"], name=op.f("fk_card_decisions_decided_by")
        ),
        sa.PrimaryKeyConstraint("card_number", name=op.f("pk_card_decisions")),
    )


def downgrade() -> None:
    op.drop_table("card_decisions")
