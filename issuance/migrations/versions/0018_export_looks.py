"""An export of everything that is held of a person is a look at their record, too."""

from alembic import op

from issuance.migrations.altering import altered

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_NAME = "ck_record_lookups_what"


def upgrade() -> None:
    with altered("record_lookups", [_NAME]) as lookups:
        lookups.create_check_constraint(
            op.f(_NAME),
            "what IN ('application', 'card', 'export', 'history', 'list', 'lookups', 'matches', 'portrait', "
            "'register-answers')",
        )


def downgrade() -> None:
    with altered("record_lookups", [_NAME]) as lookups:
        lookups.create_check_constraint(
            op.f(_NAME),
            "what IN ('application', 'card', 'history', 'list', 'lookups', 'matches', 'portrait', "
            "'register-answers')",
        )
