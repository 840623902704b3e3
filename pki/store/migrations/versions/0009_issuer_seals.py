"""CAs' rows bear a seal. Those of before have none and are not used: their home is made anew."""

import sqlalchemy as sa
from alembic import op

revision = "h0009"
down_revision = "h0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("issuers", sa.Column("seal", sa.LargeBinary(length=32), nullable=True))


def downgrade() -> None:
    op.drop_column("issuers", "seal")
