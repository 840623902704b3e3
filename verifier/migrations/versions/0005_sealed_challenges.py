"""Challenges are sealed: only their use is on record. Those that are about now have to be asked for again."""

import sqlalchemy as sa
from alembic import op

from pki.store.database import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "used_challenges",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_used_challenges")),
    )
    op.create_index(op.f("ix_used_challenges_used_at"), "used_challenges", ["used_at"])
    op.create_table(
        "challenge_keys",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("secret", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_challenge_keys")),
    )
    op.drop_table("challenges")


def downgrade() -> None:
    op.create_table(
        "challenges",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("site_id", sa.String(16), nullable=False),
        sa.Column("origin", sa.String(255), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["sites.site_id"], name="fk_challenges_site_id"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_challenges")),
    )
    op.create_index(op.f("ix_challenges_expires_at"), "challenges", ["expires_at"])
    op.drop_table("challenge_keys")
    op.drop_table("used_challenges")
