"""Sessions and station codes are keyed and sealed (ADR 48): those that were open end."""

import sqlalchemy as sa
from alembic import op

from issuance.migrations.altering import altered

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_SESSIONS = ("operator_sessions", "citizen_sessions")


def upgrade() -> None:
    _end_all()
    for table in _SESSIONS:
        with altered(table) as rows:
            rows.add_column(sa.Column("seal", sa.String(length=64), nullable=False))


def downgrade() -> None:
    _end_all()
    for table in _SESSIONS:
        with altered(table) as rows:
            rows.drop_column("seal")


def _end_all() -> None:
    for table in _SESSIONS:
        op.execute(sa.delete(sa.table(table)))
    # Used ones stay: what was certified by them is found, and revoked, by their locators.
    op.execute("DELETE FROM station_codes WHERE used_at IS NULL")
