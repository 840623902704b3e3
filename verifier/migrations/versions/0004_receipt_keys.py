"""From when a receipt key signs. One without a row has always signed: it is older than this table."""

import sqlalchemy as sa
from alembic import op

from pki.store.database import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "receipt_keys",
        sa.Column("generation", sa.SmallInteger(), nullable=False),
        sa.Column("signs_from", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("generation", name=op.f("pk_receipt_keys")),
    )


def downgrade() -> None:
    op.drop_table("receipt_keys")
