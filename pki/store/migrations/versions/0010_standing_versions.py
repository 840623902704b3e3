"""Changes of a certificate's standing have numbers, which mass actions note."""

import sqlalchemy as sa
from alembic import op

revision = "h0010"
down_revision = "h0009"
branch_labels = None
depends_on = None

_TABLES = ("certificates", "mass_action_targets")


def upgrade() -> None:
    for table in _TABLES:
        column = sa.Column("standing_version", sa.Integer(), nullable=False, server_default=sa.text("0"))
        op.add_column(table, column)


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "standing_version")
