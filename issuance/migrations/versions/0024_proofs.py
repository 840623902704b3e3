"""The card's signature stays with its delivery; no new delivery is without check and signature."""

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

from issuance.migrations.altering import altered
from issuance.migrations.guarding import Guard

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_ENDS = "'check_failed', 'refused', 'returned', 'revoked', 'superseded', 'tries', {}'unrecorded'"
_GUARDS = (
    Guard(
        "deliveries_begin",
        "deliveries",
        "INSERT",
        "NEW.check_outcome = 'unrecorded' OR NEW.unsigned",
        "deliveries have their check and their signature",
    ),
    Guard(
        "deliveries_proof",
        "deliveries",
        "UPDATE OF check_outcome, unsigned, challenge, signature",
        "NEW.check_outcome <> OLD.check_outcome OR NEW.unsigned <> OLD.unsigned "
        "OR NEW.challenge <> OLD.challenge "
        "OR (OLD.signature IS NOT NULL AND NEW.signature IS DISTINCT FROM OLD.signature)",
        "a delivery keeps its check, challenge and signature",
    ),
    Guard(
        "identity_checks_recorded",
        "identity_checks",
        "INSERT",
        "NEW.outcome = 'unrecorded'",
        "checks of persons are recorded",
    ),
)


def upgrade() -> None:
    with altered("deliveries", ["ck_deliveries_closed_for"]) as deliveries:
        deliveries.add_column(sa.Column("signature", sa.LargeBinary(), nullable=True))
        deliveries.add_column(sa.Column("unsigned", sa.Boolean(), nullable=False, server_default=sa.false()))
        _allow_ends(deliveries, "'unproven', ")
    # What was proven and is not live yet is proven anew: a card that has its holder's PIN just signs again.
    op.execute(
        "UPDATE deliveries SET state = 'closed', closed_for = 'unrecorded', version = version + 1 "
        "WHERE state = 'proven'"
    )
    op.execute(
        sa.text("UPDATE deliveries SET unsigned = :yes WHERE state = 'completed'").bindparams(yes=True)
    )
    with altered("deliveries") as deliveries:
        deliveries.alter_column("unsigned", existing_type=sa.Boolean(), server_default=None)
        deliveries.create_check_constraint(
            op.f("ck_deliveries_signed"),
            "state NOT IN ('proven', 'completed') OR signature IS NOT NULL "
            "OR (unsigned AND state = 'completed')",
        )
    for guard in _GUARDS:
        guard.create()


def downgrade() -> None:
    for guard in _GUARDS:
        guard.drop()
    op.execute("UPDATE deliveries SET closed_for = 'revoked' WHERE closed_for = 'unproven'")
    with altered("deliveries", ["ck_deliveries_signed", "ck_deliveries_closed_for"]) as deliveries:
        for column in ("signature", "unsigned"):
            deliveries.drop_column(column)
        _allow_ends(deliveries, "")


def _allow_ends(deliveries: BatchOperations, more: str) -> None:
    allowed = _ENDS.format(more)
    deliveries.create_check_constraint(
        op.f("ck_deliveries_closed_for"), f"closed_for IS NULL OR closed_for IN ({allowed})"
    )
