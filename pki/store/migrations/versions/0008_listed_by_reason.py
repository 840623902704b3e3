"""What CRLs list is found by its reason: a column of the index, so that the table is not touched."""

from alembic import op
from sqlalchemy import text

revision = "h0008"
down_revision = "h0007"
branch_labels = None
depends_on = None

_NAME, _TABLE = "ix_certificates_listed", "certificates"
_COLUMNS = ["issuer", "shard", "serial", "not_after", "since", "reason", "invalidity_date"]


def upgrade() -> None:
    _replace("reason IS NOT NULL")


def downgrade() -> None:
    _replace("status <> 'good'")


def _replace(condition: str) -> None:
    op.drop_index(_NAME, _TABLE)
    where = text(condition)
    op.create_index(_NAME, _TABLE, _COLUMNS, sqlite_where=where, postgresql_where=where)
