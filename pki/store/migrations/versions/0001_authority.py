"""Issuers, intents, certificates, CRLs and the audit chain."""

import sqlalchemy as sa
from alembic import op

from pki.store.database import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=128), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"])

    op.create_table(
        "issuers",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("status_version", sa.BigInteger(), nullable=False),
        sa.Column("crl_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_issuers")),
    )
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
    op.create_table(
        "intents",
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("serial", sa.String(length=32), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("profile", sa.String(length=64), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("holder_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tbs", sa.LargeBinary(), nullable=False),
        sa.Column("on_hold", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("refused_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["issuer"], ["issuers.name"], name=op.f("fk_intents_issuer")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_intents")),
        sa.UniqueConstraint("serial", name=op.f("uq_intents_serial")),
    )
    op.create_index(op.f("ix_intents_key_hash"), "intents", ["key_hash"])
    op.create_index(op.f("ix_intents_outcome"), "intents", ["outcome"])

    op.create_table(
        "certificates",
        sa.Column("serial", sa.String(length=32), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("profile", sa.String(length=64), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("activated", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["issuer"], ["issuers.name"], name=op.f("fk_certificates_issuer")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["intents.request_id"], name=op.f("fk_certificates_request_id")
        ),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_certificates")),
        sa.UniqueConstraint("request_id", name=op.f("uq_certificates_request_id")),
    )
    op.create_index(
        op.f("ix_certificates_issuer_status_not_after"), "certificates", ["issuer", "status", "not_after"]
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_certificates_issuer_status_not_after"), "certificates")

    op.drop_table("certificates")
    op.drop_index(op.f("ix_intents_outcome"), "intents")
    op.drop_index(op.f("ix_intents_key_hash"), "intents")

    op.drop_table("intents")
    op.drop_table("crls")
    op.drop_table("issuers")
    op.drop_index(op.f("ix_audit_subject"), "audit")

    op.drop_table("audit")
