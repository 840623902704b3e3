"""Receipts: signature, detail and challenge. Rows of before have none and are shown as unsigned."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COLUMNS: dict[str, sa.String | sa.LargeBinary] = {
    "key_id": sa.String(43),
    "signature": sa.LargeBinary(length=64),
    "detail": sa.String(200),
    "challenge_digest": sa.String(64),
}


def upgrade() -> None:
    for name, kind in _COLUMNS.items():
        op.add_column("receipts", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for name in _COLUMNS:
        op.drop_column("receipts", name)
