"""A partition's CRL after a mass action is read by its own entries alone, not by all that changed."""

from alembic import op
from sqlalchemy import text

revision = "h0011"
down_revision = "h0010"
branch_labels = None
depends_on = None

_TABLE = "certificates"
_LISTED, _LISTED_IF = "ix_certificates_listed", text("reason IS NOT NULL")
_COLUMNS = ["issuer", "shard", "serial", "not_after", "since", "reason", "invalidity_date"]
_WITHIN, _WITHIN_IF = "ix_certificates_changed_within", text("changed > 0")


def upgrade() -> None:
    _list([*_COLUMNS, "changed"])
    columns = ["issuer", "shard", "changed"]
    op.create_index(_WITHIN, _TABLE, columns, sqlite_where=_WITHIN_IF, postgresql_where=_WITHIN_IF)


def downgrade() -> None:
    op.drop_index(_WITHIN, _TABLE)
    _list(_COLUMNS)


def _list(columns: list[str]) -> None:
    op.drop_index(_LISTED, _TABLE)
    op.create_index(_LISTED, _TABLE, columns, sqlite_where=_LISTED_IF, postgresql_where=_LISTED_IF)
