"""A change of an account follows on the one that it was proposed after, and on no other."""

import sqlalchemy as sa

from issuance.migrations.altering import altered
from issuance.migrations.guarding import Guard

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_BASE = "(SELECT based_on FROM operator_changes WHERE id = NEW.change_id)"
_GUARDS = (
    Guard(
        "operators_follow",
        "operators",
        "UPDATE OF change_id",
        "COALESCE(NEW.change_id, '') <> COALESCE(OLD.change_id, '') "
        f"AND COALESCE({_BASE}, '') <> COALESCE(OLD.change_id, '')",
        "the account was changed after this change was proposed",
    ),
    Guard(
        "operator_changes_based",
        "operator_changes",
        "UPDATE OF based_on",
        "COALESCE(NEW.based_on, '') <> COALESCE(OLD.based_on, '')",
        "what a change was proposed after stays on record",
    ),
)


def upgrade() -> None:
    # Of a proposal that waits, nobody knows: if its account was ever changed, it is proposed anew.
    with altered("operator_changes") as changes:
        changes.add_column(sa.Column("based_on", sa.String(length=16), nullable=True))
    for guard in _GUARDS:
        guard.create()


def downgrade() -> None:
    for guard in _GUARDS:
        guard.drop()
    with altered("operator_changes") as changes:
        changes.drop_column("based_on")
