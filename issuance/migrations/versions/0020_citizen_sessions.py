"""Sessions of citizens, who look at their own record."""

import sqlalchemy as sa
from alembic import op

from pki.store.database import UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "citizen_sessions",
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("national_code", sa.String(length=35), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["national_code"],
            ["citizens.national_code"],
            name=op.f("fk_citizen_sessions_national_code"),
        ),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_citizen_sessions")),
    )
    op.create_index(op.f("ix_citizen_sessions_national_code"), "citizen_sessions", ["national_code"])
    op.create_index(op.f("ix_citizen_sessions_expires_at"), "citizen_sessions", ["expires_at"])


def downgrade() -> None:
    op.drop_table("citizen_sessions")
