"""Mass actions: decisions, the certificates they mean, what was skipped, and the parts that are done."""

import sqlalchemy as sa
from alembic import op

from pki.store.columns import Serial, UtcSeconds

revision = "h0004"
down_revision = "h0003"
branch_labels = None
depends_on = None

_STATES = "'proposed', 'approved', 'running', 'paused', 'cancelled', 'done'"


def upgrade() -> None:
    op.create_table(
        "mass_actions",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("invalidity_date", UtcSeconds(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("preview", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("proposed_by", sa.String(length=64), nullable=False),
        sa.Column("proposed", UtcSeconds(), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("approved", UtcSeconds(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("closed", UtcSeconds(), nullable=True),
        sa.CheckConstraint("kind IN ('hold', 'release', 'revoke')", name=op.f("ck_mass_actions_kind")),
        sa.CheckConstraint("(kind = 'revoke') = (reason IS NOT NULL)", name=op.f("ck_mass_actions_reason")),
        sa.CheckConstraint(f"state IN ({_STATES})", name=op.f("ck_mass_actions_state")),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> proposed_by", name=op.f("ck_mass_actions_two_officers")
        ),
        sa.CheckConstraint(
            "(approved_by IS NULL) = (approved IS NULL)", name=op.f("ck_mass_actions_approved")
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'cancelled') OR approved_by IS NOT NULL",
            name=op.f("ck_mass_actions_approved_first"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_mass_actions")),
    )
    op.create_table(
        "mass_action_targets",
        sa.Column("action", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("serial", Serial(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("action", "issuer", "shard", "serial", name=op.f("pk_mass_action_targets")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "mass_action_skips",
        sa.Column("action", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("serial", Serial(), autoincrement=False, nullable=False),
        sa.Column("why", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("action", "serial", name=op.f("pk_mass_action_skips")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "mass_action_parts",
        sa.Column("action", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("first_shard", sa.SmallInteger(), nullable=False),
        sa.Column("first_serial", Serial(), nullable=False),
        sa.Column("last_shard", sa.SmallInteger(), nullable=False),
        sa.Column("last_serial", Serial(), nullable=False),
        sa.Column("moved", sa.BigInteger(), nullable=False),
        sa.Column("reheld", sa.BigInteger(), nullable=False),
        sa.Column("skipped", sa.BigInteger(), nullable=False),
        sa.Column("status_version", sa.BigInteger(), nullable=True),
        sa.Column("serials", sa.LargeBinary(length=32), nullable=False),
        sa.Column("done", UtcSeconds(), nullable=False),
        sa.ForeignKeyConstraint(
            ["action"], ["mass_actions.number"], name=op.f("fk_mass_action_parts_action")
        ),
        sa.PrimaryKeyConstraint("action", "part", name=op.f("pk_mass_action_parts")),
    )


def downgrade() -> None:
    for table in ("mass_action_parts", "mass_action_skips", "mass_action_targets", "mass_actions"):
        op.drop_table(table)
