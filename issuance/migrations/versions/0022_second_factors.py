"""Second factors, whose steps only go forward; sessions know their last proof; bodies of operators' cards."""

import sqlalchemy as sa
from alembic import op

from issuance.migrations.altering import altered
from pki.store.database import UtcDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_KINDS = "ck_operator_changes_kind"
_REFUSED = "a second factor only goes forward, and two administrators end it"
_KEPT = """(
    NEW.id = OLD.id AND NEW.username = OLD.username AND OLD.reset_id IS NULL
    AND NEW.confirmed_at = OLD.confirmed_at AND NEW.last_step >= OLD.last_step
    AND (NEW.secret = OLD.secret OR NEW.reset_id IS NOT NULL)
)"""
_UPDATED = f"""
CREATE TRIGGER operator_totps_kept BEFORE UPDATE ON operator_totps
WHEN OLD.confirmed_at IS NOT NULL AND {_KEPT} IS NOT TRUE
BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END
"""
_DELETED = f"""
CREATE TRIGGER operator_totps_stay BEFORE DELETE ON operator_totps
WHEN OLD.confirmed_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END
"""
_FUNCTION = f"""
CREATE FUNCTION keep_second_factors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.confirmed_at IS NOT NULL THEN
        IF TG_OP = 'DELETE' THEN
            RAISE EXCEPTION '{_REFUSED}';
        ELSIF {_KEPT} IS NOT TRUE THEN
            RAISE EXCEPTION '{_REFUSED}';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$
"""
_GUARDED = """
CREATE TRIGGER operator_totps_kept BEFORE UPDATE OR DELETE ON operator_totps
FOR EACH ROW EXECUTE FUNCTION keep_second_factors()
"""


def upgrade() -> None:
    with altered("operator_sessions") as sessions:
        sessions.add_column(
            sa.Column("proved_at", UtcDateTime(), nullable=False, server_default="2000-01-01 00:00:00")
        )  # nobody knows when: whoever is signed in proves it once more before a decision
        sessions.create_check_constraint(
            op.f("ck_operator_sessions_method"), "method IN ('card', 'password', 'password+totp')"
        )
    with altered("operator_sessions") as sessions:
        sessions.alter_column("proved_at", existing_type=UtcDateTime(), server_default=None)
    _allow("'card', 'change', 'create', 'lock', 'totp-reset', 'unlock'")
    _add_card_number()
    _create_factors()
    for statement in (_UPDATED, _DELETED) if _is_sqlite() else (_FUNCTION, _GUARDED):
        op.execute(statement)


def _allow(kinds: str) -> None:
    with altered("operator_changes", replaced=(_KINDS,)) as changes:
        changes.create_check_constraint(op.f(_KINDS), f"kind IN ({kinds})")


def _add_card_number() -> None:
    with altered("operator_changes") as changes:
        changes.add_column(sa.Column("card_number", sa.String(length=10), nullable=True))
        changes.create_unique_constraint(op.f("uq_operator_changes_card_number"), ["card_number"])
        changes.create_check_constraint(
            op.f("ck_operator_changes_card_number"),
            "card_number IS NULL OR (kind = 'card' AND confirmed_at IS NOT NULL)",
        )


def _drop_card_number() -> None:
    with altered("operator_changes", replaced=("ck_operator_changes_card_number",)) as changes:
        changes.drop_constraint(op.f("uq_operator_changes_card_number"), type_="unique")
        changes.drop_column("card_number")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _create_factors() -> None:
    op.create_table(
        "operator_totps",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.Column("reset_id", sa.String(length=16), nullable=True),
        sa.Column("reset_kind", sa.String(length=16), nullable=True),
        sa.Column("reset_by", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "(confirmed_at IS NULL) = (last_step IS NULL)", name=op.f("ck_operator_totps_confirmed")
        ),
        sa.CheckConstraint(
            "(reset_id IS NULL) = (reset_by IS NULL)", name=op.f("ck_operator_totps_reset_by_two")
        ),
        sa.CheckConstraint("(reset_id IS NULL) = (reset_kind IS NULL)", name=op.f("ck_operator_totps_reset")),
        sa.CheckConstraint("reset_kind = 'totp-reset'", name=op.f("ck_operator_totps_reset_kind")),
        sa.CheckConstraint(
            "(secret IS NULL) = (reset_id IS NOT NULL)", name=op.f("ck_operator_totps_forgotten")
        ),
        sa.ForeignKeyConstraint(
            ["reset_id", "username", "reset_kind", "reset_by"],
            [
                "operator_changes.id",
                "operator_changes.username",
                "operator_changes.kind",
                "operator_changes.confirmed_by",
            ],
            name="fk_operator_totps_reset",
        ),
        sa.ForeignKeyConstraint(
            ["username"], ["operators.username"], name=op.f("fk_operator_totps_username")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_totps")),
    )
    op.create_index(
        "uq_operator_totps_open",
        "operator_totps",
        ["username"],
        unique=True,
        sqlite_where=sa.text("reset_id IS NULL"),
        postgresql_where=sa.text("reset_id IS NULL"),
    )


def downgrade() -> None:
    if not _is_sqlite():
        op.execute("DROP TRIGGER operator_totps_kept ON operator_totps")
        op.execute("DROP FUNCTION keep_second_factors()")
    op.drop_table("operator_totps")
    op.execute("UPDATE operator_changes SET kind = 'change' WHERE kind = 'totp-reset'")
    _drop_card_number()
    _allow("'card', 'change', 'create', 'lock', 'unlock'")
    with altered("operator_sessions", replaced=("ck_operator_sessions_method",)) as sessions:
        sessions.drop_column("proved_at")
