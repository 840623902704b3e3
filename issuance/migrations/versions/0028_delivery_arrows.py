"""Deliveries follow their arrows in the database, too, and what was proven or ended stays so."""

from issuance.migrations.guarding import Guard

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_ARROWS = (
    ("open", "proven"),
    ("open", "closed"),
    ("proven", "completed"),
    ("proven", "closed"),
)


def _one_of(arrows: tuple[tuple[str, str], ...]) -> str:
    return " OR ".join(f"(OLD.state = '{before}' AND NEW.state = '{after}')" for before, after in arrows)


_GUARDS = (
    Guard(
        "deliveries_arrows",
        "deliveries",
        "UPDATE OF state",
        f"NEW.state <> OLD.state AND NOT ({_one_of(_ARROWS)})",
        "deliveries follow their arrows",
    ),
    Guard(
        "deliveries_origin",
        "deliveries",
        "UPDATE OF id, card_number, challenge, opened_by, opened_at",
        "NEW.id <> OLD.id OR NEW.card_number <> OLD.card_number OR NEW.challenge <> OLD.challenge "
        "OR NEW.opened_by <> OLD.opened_by OR NEW.opened_at <> OLD.opened_at",
        "who opened a delivery, of which card, and when, stays on record",
    ),
)


def upgrade() -> None:
    for guard in _GUARDS:
        guard.create()


def downgrade() -> None:
    for guard in _GUARDS:
        guard.drop()
