"""What was judged of duplicates stays judged: by no author, and `same` is turned by somebody else."""

from issuance.migrations.guarding import Guard

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_TABLE = "duplicate_matches"
_BY_AN_AUTHOR = (
    "EXISTS (SELECT 1 FROM application_authors "
    "WHERE application_id = NEW.application_id AND username = NEW.decided_by)"
)
_OWN_WORK = "nobody decides on their own work"
_GUARDS = (
    Guard(
        "duplicate_matches_not_by_authors",
        _TABLE,
        "UPDATE OF decision, decided_by",
        # What somebody judged who became an author later can still be judged anew.
        f"NEW.decision IS NOT NULL AND {_BY_AN_AUTHOR}",
        _OWN_WORK,
    ),
    Guard("duplicate_matches_begin_open", _TABLE, "INSERT", "NEW.decision IS NOT NULL", _OWN_WORK),
    Guard(
        "duplicate_matches_turned_by_another",
        _TABLE,
        "UPDATE OF decision, decided_by",
        # Nor may a third person put their name to it, which would free the first one.
        "OLD.decision = 'same' AND (NEW.decision = 'same') <> (NEW.decided_by = OLD.decided_by)",
        "turning what was judged the same takes a second person",
    ),
    Guard(
        "duplicate_matches_stay_judged",
        _TABLE,
        "UPDATE",
        "NEW.application_id <> OLD.application_id OR NEW.number <> OLD.number "
        "OR (OLD.decision IS NOT NULL AND NEW.decision IS NULL)",
        "what was judged stays judged",
    ),
    Guard(
        "duplicate_matches_judged_kept",
        _TABLE,
        "DELETE",
        "OLD.decision IS NOT NULL",
        "what was judged stays judged",
    ),
    Guard(
        "applications_matches_judged",
        "applications",
        "UPDATE OF state",
        "OLD.state = 'submitted' AND NEW.state = 'approved' AND EXISTS (SELECT 1 FROM duplicate_matches m "
        "WHERE m.application_id = NEW.id AND (m.decision IS NULL OR m.decision = 'same' OR EXISTS "
        "(SELECT 1 FROM application_authors a "
        "WHERE a.application_id = NEW.id AND a.username = m.decided_by)))",
        "possible duplicates are judged first",
    ),
)


def upgrade() -> None:
    for guard in _GUARDS:
        guard.create()


def downgrade() -> None:
    for guard in _GUARDS:
        guard.drop()
