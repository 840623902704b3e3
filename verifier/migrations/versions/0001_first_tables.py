"""Sites, challenges, receipts and the audit chain."""

import sqlalchemy as sa
from alembic import op

from pki.auditchain.columns import SEQUENCE
from pki.store.database import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sites",
        sa.Column("site_id", sa.String(16), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("origin", sa.String(255), nullable=False),
        sa.Column("policy", sa.String(32), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", name="pk_sites"),
        sa.UniqueConstraint("name", name="uq_sites_name"),
    )
    op.create_table(
        "challenges",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("site_id", sa.String(16), nullable=False),
        sa.Column("origin", sa.String(255), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name="pk_challenges"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.site_id"], name="fk_challenges_site_id"),
    )
    op.create_index("ix_challenges_expires_at", "challenges", ["expires_at"])
    op.create_table(
        "receipts",
        sa.Column("code", sa.String(10), nullable=False),
        sa.Column("site_id", sa.String(16), nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("policy", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(64), nullable=False),
        sa.Column("failed_step", sa.SmallInteger(), nullable=True),
        sa.Column("certificate_sha256", sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint("code", name="pk_receipts"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.site_id"], name="fk_receipts_site_id"),
    )
    op.create_index("ix_receipts_site_id", "receipts", ["site_id"])
    op.create_index("ix_receipts_time", "receipts", ["time"])
    op.create_table(
        "audit_entries",
        sa.Column("sequence", SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("action", sa.String(128), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit_entries"),
    )
    op.create_index("ix_audit_entries_subject", "audit_entries", ["subject"])


def downgrade() -> None:
    for table in ("audit_entries", "receipts", "challenges", "sites"):
        op.drop_table(table)
