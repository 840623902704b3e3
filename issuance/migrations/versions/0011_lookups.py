"""Looks at people's records."""

import sqlalchemy as sa
from alembic import op

from pki.auditchain.appendonly import append_only, unprotected
from pki.store.database import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLE = "record_lookups"
_WITH_CASE = "purpose IN ('audit', 'court-order', 'investigation')"


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("national_code", sa.String(length=35), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("operator", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=24), nullable=False),
        sa.Column("office", sa.String(length=8), nullable=False),
        sa.Column("purpose", sa.String(length=24), nullable=False),
        sa.Column("case_number", sa.String(length=40), nullable=True),
        sa.Column("what", sa.String(length=24), nullable=False),
        sa.Column("application_id", sa.String(length=16), nullable=True),
        sa.CheckConstraint(
            f"case_number IS NOT NULL OR NOT ({_WITH_CASE})", name=op.f("ck_record_lookups_case_number")
        ),
        sa.CheckConstraint(
            "purpose IN ('audit', 'correction', 'court-order', 'decision', 'delivery', 'enrolment', "
            "'holder-request', 'investigation', 'production')",
            name=op.f("ck_record_lookups_purpose"),
        ),
        sa.CheckConstraint(
            "what IN ('application', 'card', 'list', 'lookups', 'matches', 'portrait', 'register-answers')",
            name=op.f("ck_record_lookups_what"),
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_record_lookups_application_id")
        ),
        sa.ForeignKeyConstraint(
            ["national_code"], ["citizens.national_code"], name=op.f("fk_record_lookups_national_code")
        ),
        sa.ForeignKeyConstraint(["office"], ["offices.code"], name=op.f("fk_record_lookups_office")),
        sa.ForeignKeyConstraint(
            ["operator"], ["operators.username"], name=op.f("fk_record_lookups_operator")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_lookups")),
    )
    op.create_index("ix_record_lookups_person", _TABLE, ["national_code", "at"], unique=False)
    op.create_index("ix_record_lookups_operator", _TABLE, ["operator", "at"], unique=False)
    for statement in append_only(op.get_bind().dialect.name, _TABLE):
        op.execute(statement)


def downgrade() -> None:
    for statement in unprotected(op.get_bind().dialect.name, _TABLE):
        op.execute(statement)
    op.drop_table(_TABLE)
