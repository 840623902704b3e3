"""Keys, CAs of every generation, intents, certificates, CRLs and the audit chain."""

import sqlalchemy as sa
from alembic import op

from pki.auditchain.columns import SEQUENCE
from pki.store.columns import Serial, UtcSeconds
from pki.store.database import UtcDateTime

revision = "h0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("sequence", SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=128), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"], unique=False)
    op.create_table(
        "keys",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("uri", sa.String(length=512), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_keys")),
    )
    op.create_table(
        "issuers",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.SmallInteger(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=True),
        sa.Column("shards", sa.SmallInteger(), nullable=False),
        sa.Column("status_version", sa.BigInteger(), nullable=False),
        sa.Column("crl_number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["key"], ["keys.name"], name=op.f("fk_issuers_key")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_issuers")),
        sa.UniqueConstraint("role", "generation", name=op.f("uq_issuers_role_generation")),
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
        sa.Column("serial", Serial(), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("profile", sa.String(length=64), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key_kind", sa.String(length=16), nullable=False),
        sa.Column("provenance", sa.String(length=64), nullable=True),
        sa.Column("holder_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("salt", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tbs", sa.LargeBinary(), nullable=True),
        sa.Column("not_before", UtcSeconds(), nullable=False),
        sa.Column("not_after", UtcSeconds(), nullable=False),
        sa.Column("on_hold", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created", UtcSeconds(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("refused_by", sa.String(length=64), nullable=True),
        sa.CheckConstraint("outcome IN ('pending', 'issued', 'refused')", name=op.f("ck_intents_outcome")),
        sa.ForeignKeyConstraint(["issuer"], ["issuers.name"], name=op.f("fk_intents_issuer")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_intents")),
        sa.UniqueConstraint("serial", name=op.f("uq_intents_serial")),
    )
    op.create_index(op.f("ix_intents_key_hash"), "intents", ["key_hash"], unique=False)
    op.create_index(
        "ix_intents_pending",
        "intents",
        ["created"],
        unique=False,
        sqlite_where=sa.text("outcome = 'pending'"),
        postgresql_where=sa.text("outcome = 'pending'"),
    )
    op.create_table(
        "certificates",
        sa.Column("serial", Serial(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("profile", sa.String(length=64), nullable=False),
        sa.Column("key_kind", sa.String(length=16), nullable=False),
        sa.Column("provenance", sa.String(length=64), nullable=True),
        sa.Column("not_before", UtcSeconds(), nullable=False),
        sa.Column("not_after", UtcSeconds(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("since", UtcSeconds(), nullable=False),
        sa.Column("invalidity_date", UtcSeconds(), nullable=True),
        sa.Column("held_by", sa.String(length=16), nullable=True),
        sa.Column("activated", sa.Boolean(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("status IN ('good', 'on_hold', 'revoked')", name=op.f("ck_certificates_status")),
        sa.CheckConstraint("(status = 'good') = (reason IS NULL)", name=op.f("ck_certificates_reason")),
        sa.CheckConstraint(
            "(status = 'on_hold') = (held_by IS NOT NULL)", name=op.f("ck_certificates_held_by")
        ),
        sa.ForeignKeyConstraint(["issuer"], ["issuers.name"], name=op.f("fk_certificates_issuer")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["intents.request_id"], name=op.f("fk_certificates_request_id")
        ),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_certificates")),
        sa.UniqueConstraint("request_id", name=op.f("uq_certificates_request_id")),
    )
    op.create_index(
        "ix_certificates_changed",
        "certificates",
        ["issuer", "changed"],
        unique=False,
        sqlite_where=sa.text("changed > 0"),
        postgresql_where=sa.text("changed > 0"),
    )
    op.create_index(
        "ix_certificates_listed",
        "certificates",
        ["issuer", "shard", "serial", "not_after", "since", "reason", "invalidity_date"],
        unique=False,
        sqlite_where=sa.text("status <> 'good'"),
        postgresql_where=sa.text("status <> 'good'"),
    )
    op.create_table(
        "certificate_bodies",
        sa.Column("serial", Serial(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["serial"], ["certificates.serial"], name=op.f("fk_certificate_bodies_serial")
        ),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_certificate_bodies")),
    )


def downgrade() -> None:

    op.drop_table("certificate_bodies")
    op.drop_index(
        "ix_certificates_listed",
        table_name="certificates",
        sqlite_where=sa.text("status <> 'good'"),
        postgresql_where=sa.text("status <> 'good'"),
    )
    op.drop_index(
        "ix_certificates_changed",
        table_name="certificates",
        sqlite_where=sa.text("changed > 0"),
        postgresql_where=sa.text("changed > 0"),
    )
    op.drop_table("certificates")
    op.drop_index(
        "ix_intents_pending",
        table_name="intents",
        sqlite_where=sa.text("outcome = 'pending'"),
        postgresql_where=sa.text("outcome = 'pending'"),
    )
    op.drop_index(op.f("ix_intents_key_hash"), table_name="intents")
    op.drop_table("intents")
    op.drop_table("crls")
    op.drop_table("issuers")
    op.drop_table("keys")
    op.drop_index(op.f("ix_audit_subject"), table_name="audit")
    op.drop_table("audit")
