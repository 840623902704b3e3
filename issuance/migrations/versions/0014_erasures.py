"""Erasures of a person's data, by two people."""

import sqlalchemy as sa
from alembic import op

from pki.store.database import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("national_code", sa.String(35), nullable=False),
        sa.Column("ground", sa.String(16), nullable=False),
        sa.Column("requested_by", sa.String(64), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_by", sa.String(64), nullable=True),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("ground IN ('court', 'request', 'retention')", name=op.f("ck_erasures_ground")),
        sa.CheckConstraint(
            "confirmed_by IS NULL OR confirmed_by <> requested_by", name=op.f("ck_erasures_two_people")
        ),
        sa.CheckConstraint(
            "(confirmed_by IS NULL) = (confirmed_at IS NULL)", name=op.f("ck_erasures_confirmed")
        ),
        sa.ForeignKeyConstraint(
            ["national_code"], ["citizens.national_code"], name=op.f("fk_erasures_national_code")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by"], ["operators.username"], name=op.f("fk_erasures_requested_by")
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_by"], ["operators.username"], name=op.f("fk_erasures_confirmed_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
        sa.UniqueConstraint("national_code", name=op.f("uq_erasures_national_code")),
    )


def downgrade() -> None:
    op.drop_table("erasures")
