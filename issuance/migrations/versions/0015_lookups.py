"""Looks at people's records."""

import sqlalchemy as sa
from alembic import op

from pki.store.database import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TABLE = "record_lookups"
_KEPT = "id, at, operator, role, office, purpose, case_number, what, application_id"
"""Whose record it was can be erased, with the person's other data (0014); what was done can't."""
_GUARDS = [
    f"CREATE TRIGGER {_TABLE}_no_{event.split()[0].lower()} BEFORE {event} ON {_TABLE} "
    f"BEGIN SELECT RAISE(ABORT, '{_TABLE} is append-only'); END"
    for event in (f"UPDATE OF {_KEPT}", "DELETE")
]
_GUARD = (
    f"CREATE TRIGGER {_TABLE}_append_only BEFORE UPDATE OF {_KEPT} OR DELETE OR TRUNCATE ON {_TABLE} "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)
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
            "what IN ('application', 'card', 'history', 'list', 'lookups', 'matches', 'portrait', "
            "'register-answers')",
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
    for statement in _GUARDS if op.get_bind().dialect.name == "sqlite" else (_GUARD,):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table(_TABLE)
