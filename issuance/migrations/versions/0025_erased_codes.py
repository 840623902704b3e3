"""A national code gives way to that of an erasure that is being done, and to no other."""

import sqlalchemy as sa

from issuance.migrations.altering import altered
from issuance.migrations.guarding import Guard

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_WHOSE = ("applications", "cards", "record_lookups")
_GUARDS = (
    Guard(
        "erasures_asked_for",
        "erasures",
        "INSERT",
        "NEW.confirmed_by IS NOT NULL OR NEW.replaced IS NOT NULL",
        "an erasure is asked for first",
    ),
    Guard(
        "erasures_done",
        "erasures",
        "UPDATE OF national_code, replaced, confirmed_by",
        # Confirmed and carried out in one statement, once.
        "(NEW.national_code <> OLD.national_code OR NEW.confirmed_by IS DISTINCT FROM OLD.confirmed_by) "
        "AND (OLD.confirmed_by IS NOT NULL OR NEW.confirmed_by IS NULL "
        "OR NEW.national_code = OLD.national_code OR NEW.replaced IS DISTINCT FROM OLD.national_code) "
        "OR NEW.replaced IS NOT NULL AND NEW.national_code = OLD.national_code",
        "an erasure is done once, when it is confirmed",
    ),
    Guard(
        "erasures_kept",
        "erasures",
        "DELETE",
        "OLD.confirmed_by IS NOT NULL",
        "an erasure that was done stays on record",
    ),
    *(
        Guard(
            f"{table}_of_their_person",
            table,
            "UPDATE OF national_code",
            "NEW.national_code <> OLD.national_code AND NOT EXISTS (SELECT 1 FROM erasures "
            "WHERE national_code = NEW.national_code AND replaced = OLD.national_code)",
            f"{table} stay with their person",
        )
        for table in _WHOSE
    ),
)


def upgrade() -> None:
    with altered("erasures") as erasures:
        erasures.add_column(sa.Column("replaced", sa.String(length=35), nullable=True))
    for guard in _GUARDS:
        guard.create()


def downgrade() -> None:
    for guard in _GUARDS:
        guard.drop()
    with altered("erasures") as erasures:
        erasures.drop_column("replaced")
