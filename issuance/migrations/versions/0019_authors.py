"""All who had a hand in an application, not the last ones alone: none of them decides on it."""

import sqlalchemy as sa
from alembic import op

from issuance.migrations.guarding import Guard
from pki.auditchain.appendonly import append_only

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_TABLE = "application_authors"
_REFUSED = "nobody decides on their own work"
_GUARDS = (
    Guard(
        "applications_not_by_authors",
        "applications",
        "UPDATE OF decided_by",
        # Of what was decided before, the state must still be able to change.
        "NEW.decided_by IS DISTINCT FROM OLD.decided_by AND EXISTS (SELECT 1 FROM application_authors "
        "WHERE application_id = NEW.id AND username = NEW.decided_by)",
        _REFUSED,
    ),
    Guard(
        "application_authors_not_deciding",
        _TABLE,
        "INSERT",
        "EXISTS (SELECT 1 FROM applications WHERE id = NEW.application_id AND decided_by = NEW.username)",
        _REFUSED,
    ),
)
_CHAIN = (
    "SELECT a.id, e.actor FROM audit_entries e JOIN applications a ON e.subject = 'application:' || a.id "
    "JOIN operators o ON o.username = e.actor WHERE e.action IN ('application.opened', "
    "'application.corrected', 'application.record_accepted', 'application.submitted')"
)
"""Earlier editors and who handed it over: the columns forgot them, the chain has not."""
_KNOWN = (
    "SELECT id AS application_id, enrolled_by AS username FROM applications",
    "SELECT id, edited_by FROM applications WHERE edited_by IS NOT NULL",
    "SELECT id, portrait_by FROM applications WHERE portrait_by IS NOT NULL",
    "SELECT application_id, seen_by FROM application_evidence",
    _CHAIN,
)


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("application_id", sa.String(length=16), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f(f"fk_{_TABLE}_application_id")
        ),
        sa.ForeignKeyConstraint(["username"], ["operators.username"], name=op.f(f"fk_{_TABLE}_username")),
        sa.PrimaryKeyConstraint("application_id", "username", name=op.f(f"pk_{_TABLE}")),
    )
    known = " UNION ".join(_KNOWN)
    op.execute(f"INSERT INTO {_TABLE} (application_id, username) {known}")
    for statement in append_only(op.get_bind().dialect.name, _TABLE):
        op.execute(statement)
    for guard in _GUARDS:
        guard.create()


def downgrade() -> None:
    for guard in _GUARDS:
        guard.drop()
    op.drop_table(_TABLE)
