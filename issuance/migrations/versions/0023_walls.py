"""Applications follow their arrows in the database, too, and what happened to cards stays on record."""

from issuance.migrations.guarding import Guard, keep_rows, release_rows

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_KEPT = (
    "applications",
    "cards",
    "card_certificates",
    "card_suspensions",
    "deliveries",
    "key_provenance",
    "production_journal",
    "productions",
)
_ARROWS = (
    ("draft", "submitted"),
    ("draft", "withdrawn"),
    ("submitted", "approved"),
    ("submitted", "refused"),
    ("submitted", "returned"),
    ("submitted", "withdrawn"),
    ("returned", "draft"),
    ("returned", "refused"),
    ("returned", "submitted"),
    ("returned", "withdrawn"),
    ("approved", "in_production"),
    ("approved", "withdrawn"),
    ("in_production", "approved"),
    ("in_production", "inspection"),
    ("in_production", "ready"),
    ("inspection", "approved"),
    ("inspection", "ready"),
    ("ready", "approved"),
    ("ready", "delivered"),
    ("ready", "withdrawn"),
)
_DECIDING = (
    ("submitted", "approved"),
    ("submitted", "refused"),
    ("submitted", "returned"),
    ("returned", "refused"),
)
"""The arrows that are somebody's decision."""


def _one_of(arrows: tuple[tuple[str, str], ...]) -> str:
    return " OR ".join(f"(OLD.state = '{before}' AND NEW.state = '{after}')" for before, after in arrows)


_GUARDS = (
    Guard(
        "applications_begin",
        "applications",
        "INSERT",
        "NEW.state <> 'draft' OR NEW.decided_by IS NOT NULL",
        "applications begin as drafts",
    ),
    Guard(
        "applications_arrows",
        "applications",
        "UPDATE OF state",
        f"NEW.state <> OLD.state AND NOT ({_one_of(_ARROWS)})",
        "applications follow their arrows",
    ),
    Guard(
        "applications_decided",
        "applications",
        "UPDATE OF decided_by",
        "NEW.decided_by IS NOT NULL AND NEW.decided_by IS DISTINCT FROM OLD.decided_by "
        f"AND NOT ({_one_of(_DECIDING)})",
        "who decided stays on record",
    ),
    Guard(
        "applications_origin",
        "applications",
        "UPDATE OF id, enrolled_by, created_at",
        "NEW.id <> OLD.id OR NEW.enrolled_by <> OLD.enrolled_by OR NEW.created_at <> OLD.created_at",
        "who opened an application, and when, stays on record",
    ),
)


def upgrade() -> None:
    for guard in _GUARDS:
        guard.create()
    for table in _KEPT:
        keep_rows(table)


def downgrade() -> None:
    for table in _KEPT:
        release_rows(table)
    for guard in _GUARDS:
        guard.drop()
