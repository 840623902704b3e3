"""The audit's Merkle tree and signed checkpoints; audit tables that the database lets nobody change."""

import sqlalchemy as sa
from alembic import op

from pki.auditchain.appendonly import append_only, unprotected

revision = "h0003"
down_revision = "h0002"
branch_labels = None
depends_on = None

_TABLES = ("audit", "audit_nodes", "audit_checkpoints")


def upgrade() -> None:
    op.create_table(
        "audit_nodes",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("level", "position", name=op.f("pk_audit_nodes")),
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_audit_checkpoints")),
    )
    for table in _TABLES:
        for statement in append_only(op.get_bind().dialect.name, table):
            op.execute(statement)


def downgrade() -> None:
    for table in _TABLES:
        for statement in unprotected(op.get_bind().dialect.name, table):
            op.execute(statement)
    op.drop_table("audit_checkpoints")
    op.drop_table("audit_nodes")
