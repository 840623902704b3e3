"""Failed tries at accounts are counted in the database, for all servers."""

import sqlalchemy as sa
from alembic import op

from pki.store.database import UtcDateTime

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operator_failures",
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("passwords", sa.Integer(), nullable=False),
        sa.Column("codes", sa.Integer(), nullable=False),
        sa.Column("untold", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("told_until", UtcDateTime(), nullable=True),
        sa.Column("last_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("username", name=op.f("pk_operator_failures")),
    )


def downgrade() -> None:
    op.drop_table("operator_failures")
