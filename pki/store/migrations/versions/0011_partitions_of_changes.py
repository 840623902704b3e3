"""A partition's CRL after a mass action is read by its own entries alone, not by all that changed."""

from alembic import op
from sqlalchemy import text

revision = "h0011"
down_revision = "h0010"
branch_labels = None
depends_on = None

_TABLE = "certificates"
_LISTED, _LISTED_COLUMNS = (
    "ix_certificates_listed",
    ["issuer", "shard", "serial", "not_after", "since", "reason", "invalidity_date"],
)
_CHANGED, _CHANGED_COLUMNS = "ix_certificates_changed", ["issuer", "changed"]


def upgrade() -> None:
    _replace(_LISTED, [*_LISTED_COLUMNS, "changed"], "reason IS NOT NULL")
    _replace(_CHANGED, [*_CHANGED_COLUMNS, "shard"], "changed > 0")


def downgrade() -> None:
    _replace(_LISTED, _LISTED_COLUMNS, "reason IS NOT NULL")
    _replace(_CHANGED, _CHANGED_COLUMNS, "changed > 0")


def _replace(name: str, columns: list[str], condition: str) -> None:
    op.drop_index(name, _TABLE)
    where = text(condition)
    op.create_index(name, _TABLE, columns, sqlite_where=where, postgresql_where=where)
