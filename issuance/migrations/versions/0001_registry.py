"""The registry's first tables: people, operators, applications, cards, production, delivery, audit."""

import sqlalchemy as sa
from alembic import op

from pki.auditchain.columns import SEQUENCE
from pki.store.database import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_audit_entries()
    _create_citizens()
    _create_operators()
    _create_applications()
    _create_operator_sessions()
    _create_cards()
    _create_card_certificates()
    _create_deliveries()
    _create_productions()
    _create_production_journal()


def downgrade() -> None:
    op.drop_table("production_journal")
    op.drop_table("productions")
    op.drop_table("deliveries")
    op.drop_table("card_certificates")
    op.drop_table("cards")
    op.drop_table("operator_sessions")
    op.drop_table("applications")
    op.drop_table("operators")
    op.drop_table("citizens")
    op.drop_table("audit_entries")


def _create_audit_entries() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("sequence", SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=128), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_entries")),
    )
    op.create_index(op.f("ix_audit_entries_subject"), "audit_entries", ["subject"], unique=False)


def _create_citizens() -> None:
    op.create_table(
        "citizens",
        sa.Column("national_code", sa.String(length=10), nullable=False),
        sa.Column("given_name", sa.String(length=100), nullable=False),
        sa.Column("surname", sa.String(length=100), nullable=False),
        sa.Column("father_name", sa.String(length=100), nullable=False),
        sa.Column("latin_given_name", sa.String(length=100), nullable=False),
        sa.Column("latin_surname", sa.String(length=100), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("sex", sa.String(length=1), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("national_code", name=op.f("pk_citizens")),
    )


def _create_operators() -> None:
    op.create_table(
        "operators",
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("username", name=op.f("pk_operators")),
    )


def _create_applications() -> None:
    op.create_table(
        "applications",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("national_code", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("latin_given_name", sa.String(length=100), nullable=False),
        sa.Column("latin_surname", sa.String(length=100), nullable=False),
        sa.Column("portrait", sa.LargeBinary(), nullable=False),
        sa.Column("enrolled_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("submitted_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decision_note", sa.String(length=500), nullable=False),
        sa.CheckConstraint(
            "state IN ('approved', 'delivered', 'draft', 'in_production', 'ready', "
            "'refused', 'returned', 'submitted')",
            name=op.f("ck_applications_state"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'returned') OR decided_by IS NOT NULL",
            name=op.f("ck_applications_decided"),
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> enrolled_by", name=op.f("ck_applications_not_own_work")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["operators.username"], name=op.f("fk_applications_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["enrolled_by"], ["operators.username"], name=op.f("fk_applications_enrolled_by")
        ),
        sa.ForeignKeyConstraint(
            ["national_code"], ["citizens.national_code"], name=op.f("fk_applications_national_code")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applications")),
    )
    op.create_index(op.f("ix_applications_national_code"), "applications", ["national_code"], unique=False)
    op.create_index("ix_applications_state_created_at", "applications", ["state", "created_at"], unique=False)
    op.create_index(
        "uq_applications_open",
        "applications",
        ["national_code"],
        unique=True,
        sqlite_where=sa.text(
            "state IN ('approved', 'draft', 'in_production', 'ready', 'returned', 'submitted')"
        ),
        postgresql_where=sa.text(
            "state IN ('approved', 'draft', 'in_production', 'ready', 'returned', 'submitted')"
        ),
    )


def _create_operator_sessions() -> None:
    op.create_table(
        "operator_sessions",
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["username"], ["operators.username"], name=op.f("fk_operator_sessions_username")
        ),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_operator_sessions")),
    )
    op.create_index(
        op.f("ix_operator_sessions_expires_at"), "operator_sessions", ["expires_at"], unique=False
    )
    op.create_index(op.f("ix_operator_sessions_username"), "operator_sessions", ["username"], unique=False)


def _create_cards() -> None:
    op.create_table(
        "cards",
        sa.Column("card_number", sa.String(length=10), nullable=False),
        sa.Column("national_code", sa.String(length=10), nullable=False),
        sa.Column("application_id", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("guid", sa.String(length=32), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=False),
        sa.Column("produced_at", UtcDateTime(), nullable=True),
        sa.Column("delivered_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("revocation_cause", sa.String(length=16), nullable=True),
        sa.CheckConstraint(
            "(state = 'revoked') = (revocation_cause IS NOT NULL)", name=op.f("ck_cards_revoked_with_cause")
        ),
        sa.CheckConstraint(
            "revocation_cause IS NULL OR revocation_cause IN "
            "('damaged', 'data_changed', 'deceased', 'lost', 'stolen', 'withdrawn')",
            name=op.f("ck_cards_revocation_cause"),
        ),
        sa.CheckConstraint(
            "state IN ('active', 'in_production', 'produced', 'revoked', 'suspended', 'voided')",
            name=op.f("ck_cards_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('active', 'suspended') OR delivered_at IS NOT NULL",
            name=op.f("ck_cards_delivered"),
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_cards_application_id")
        ),
        sa.ForeignKeyConstraint(
            ["national_code"], ["citizens.national_code"], name=op.f("fk_cards_national_code")
        ),
        sa.PrimaryKeyConstraint("card_number", name=op.f("pk_cards")),
        sa.UniqueConstraint("guid", name=op.f("uq_cards_guid")),
    )
    op.create_index(op.f("ix_cards_application_id"), "cards", ["application_id"], unique=False)
    op.create_index(op.f("ix_cards_national_code"), "cards", ["national_code"], unique=False)
    op.create_index(
        "uq_cards_live",
        "cards",
        ["national_code"],
        unique=True,
        sqlite_where=sa.text("state IN ('active', 'in_production', 'produced', 'suspended')"),
        postgresql_where=sa.text("state IN ('active', 'in_production', 'produced', 'suspended')"),
    )


def _create_card_certificates() -> None:
    op.create_table(
        "card_certificates",
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("card_number", sa.String(length=10), nullable=False),
        sa.Column("profile", sa.String(length=32), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["card_number"], ["cards.card_number"], name=op.f("fk_card_certificates_card_number")
        ),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_card_certificates")),
    )
    op.create_index(
        op.f("ix_card_certificates_card_number"), "card_certificates", ["card_number"], unique=False
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("card_number", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("opened_by", sa.String(length=64), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("proven_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('closed', 'completed', 'open', 'proven')", name=op.f("ck_deliveries_state")
        ),
        sa.ForeignKeyConstraint(
            ["card_number"], ["cards.card_number"], name=op.f("fk_deliveries_card_number")
        ),
        sa.ForeignKeyConstraint(["opened_by"], ["operators.username"], name=op.f("fk_deliveries_opened_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index(op.f("ix_deliveries_card_number"), "deliveries", ["card_number"], unique=False)
    op.create_index(
        "uq_deliveries_under_way",
        "deliveries",
        ["card_number"],
        unique=True,
        sqlite_where=sa.text("state IN ('open', 'proven')"),
        postgresql_where=sa.text("state IN ('open', 'proven')"),
    )


def _create_productions() -> None:
    op.create_table(
        "productions",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("application_id", sa.String(length=16), nullable=False),
        sa.Column("card_number", sa.String(length=10), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reader", sa.String(length=200), nullable=False),
        sa.Column("started_by", sa.String(length=64), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("lease_expires_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("apdus", sa.Integer(), nullable=False),
        sa.Column("failure_kind", sa.String(length=40), nullable=True),
        sa.Column("failure_detail", sa.String(length=300), nullable=True),
        sa.CheckConstraint(
            "state IN ('failed', 'interrupted', 'produced', 'running', 'voided', 'voiding')",
            name=op.f("ck_productions_state"),
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_productions_application_id")
        ),
        sa.ForeignKeyConstraint(
            ["card_number"], ["cards.card_number"], name=op.f("fk_productions_card_number")
        ),
        sa.ForeignKeyConstraint(
            ["started_by"], ["operators.username"], name=op.f("fk_productions_started_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_productions")),
    )
    op.create_index(op.f("ix_productions_application_id"), "productions", ["application_id"], unique=False)
    op.create_index(
        "uq_productions_open",
        "productions",
        ["application_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('interrupted', 'running', 'voiding')"),
        postgresql_where=sa.text("state IN ('interrupted', 'running', 'voiding')"),
    )


def _create_production_journal() -> None:
    op.create_table(
        "production_journal",
        sa.Column("production_id", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("apdus", sa.Integer(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.CheckConstraint("state IN ('begun', 'done', 'failed')", name=op.f("ck_production_journal_state")),
        sa.ForeignKeyConstraint(
            ["production_id"], ["productions.id"], name=op.f("fk_production_journal_production_id")
        ),
        sa.PrimaryKeyConstraint("production_id", "number", name=op.f("pk_production_journal")),
    )
