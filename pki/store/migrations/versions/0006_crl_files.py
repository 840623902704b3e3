"""CRLs as files: the table says what is published, a table of its own gives numbers."""

import sqlalchemy as sa
from alembic import op

from pki.store.columns import UtcSeconds
from pki.store.database import UtcDateTime

revision = "h0006"
down_revision = "h0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "crl_numbers",
        sa.Column("scope", sa.String(length=80), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_crl_numbers")),
    )
    # Numbers go on from the old ones; the old CRLs are not kept, every CA publishes anew at the next fetch.
    op.execute(
        "INSERT INTO crl_numbers (scope, number) SELECT name, crl_number FROM issuers WHERE crl_number > 0"
    )
    op.execute("ALTER TABLE issuers DROP COLUMN crl_number")
    op.drop_table("crls")
    op.create_table(
        "crls",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=True),
        sa.Column("regular", sa.Boolean(), nullable=False),
        sa.Column("status_version", sa.BigInteger(), nullable=False),
        sa.Column("this_update", UtcSeconds(), nullable=False),
        sa.Column("next_update", UtcSeconds(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["issuer"], ["issuers.name"], name=op.f("fk_crls_issuer")),
        sa.PrimaryKeyConstraint("name", "number", name=op.f("pk_crls")),
    )


def downgrade() -> None:
    op.drop_table("crls")
    op.create_table(
        "crls",
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status_version", sa.BigInteger(), nullable=False),
        sa.Column("this_update", UtcDateTime(), nullable=False),
        sa.Column("next_update", UtcDateTime(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["issuer"], ["issuers.name"], name=op.f("fk_crls_issuer")),
        sa.PrimaryKeyConstraint("issuer", "number", name=op.f("pk_crls")),
    )
    op.execute("ALTER TABLE issuers ADD COLUMN crl_number BIGINT NOT NULL DEFAULT 0")
    op.drop_table("crl_numbers")
