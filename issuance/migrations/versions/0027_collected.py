"""A card that has ended and was handed in is waste, which two people destroy."""

from alembic import op

from issuance.migrations.altering import altered

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_NAME = "ck_stock_movements_arrow"
_ARROWS = (
    "(kind = 'receive' AND from_state IS NULL AND to_state = 'in_stock')",
    "(kind = 'opening' AND from_state IS NULL AND to_state IN ('spoiled', 'used'))",
    "(kind = 'arrive' AND coalesce(from_state, '') = 'in_transit' AND to_state = 'in_stock')",
    "(kind = 'condemn' AND coalesce(from_state, '') = 'in_stock' AND to_state = 'condemned')",
    "(kind = 'condemn' AND coalesce(from_state, '') = 'spoiled' AND to_state = 'condemned')",
    "(kind = 'destroy' AND coalesce(from_state, '') = 'condemned' AND to_state = 'destroyed')",
    "(kind = 'release' AND coalesce(from_state, '') = 'reserved' AND to_state = 'in_stock')",
    "(kind = 'reserve' AND coalesce(from_state, '') = 'in_stock' AND to_state = 'reserved')",
    "(kind = 'send' AND coalesce(from_state, '') = 'in_stock' AND to_state = 'in_transit')",
    "(kind = 'spare' AND coalesce(from_state, '') = 'condemned' AND to_state = 'spoiled')",
    "(kind = 'spoil' AND coalesce(from_state, '') = 'in_stock' AND to_state = 'spoiled')",
    "(kind = 'spoil' AND coalesce(from_state, '') = 'reserved' AND to_state = 'spoiled')",
    "(kind = 'take' AND coalesce(from_state, '') = 'in_stock' AND to_state = 'used')",
    "(kind = 'take' AND coalesce(from_state, '') = 'reserved' AND to_state = 'used')",
    "(kind = 'void' AND coalesce(from_state, '') = 'used' AND to_state = 'spoiled')",
)
_COLLECTED = "(kind = 'collect' AND coalesce(from_state, '') = 'used' AND to_state = 'spoiled')"


def upgrade() -> None:
    first, rest = _ARROWS[:2], _ARROWS[2:]
    with altered("stock_movements", [_NAME]) as movements:
        movements.create_check_constraint(op.f(_NAME), " OR ".join([*first, *sorted([*rest, _COLLECTED])]))


def downgrade() -> None:
    with altered("stock_movements", [_NAME]) as movements:
        movements.create_check_constraint(op.f(_NAME), " OR ".join(_ARROWS))
