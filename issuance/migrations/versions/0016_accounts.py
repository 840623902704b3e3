"""Accounts are changed by two administrators; operators' cards; how a session was opened."""

import sqlalchemy as sa
from alembic import op

from issuance.migrations.altering import altered
from pki.store.database import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ACCOUNT = ("username", "role", "office", "state")
_FOUNDED = "SELECT count(*) FROM operators WHERE role = 'administrator'"
_REFUSED = "two administrators change accounts"
_INSERTED = f"""
CREATE TRIGGER operators_founded BEFORE INSERT ON operators
WHEN NEW.change_id IS NULL AND ({_FOUNDED}) >= 2
BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END
"""
_UPDATED = f"""
CREATE TRIGGER operators_changed BEFORE UPDATE OF username, role, office, state ON operators
WHEN (NEW.username <> OLD.username OR NEW.role <> OLD.role
        OR NEW.office <> OLD.office OR NEW.state <> OLD.state)
    AND (NEW.change_id IS NULL OR NEW.change_id IS OLD.change_id)
BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END
"""
_FUNCTION = f"""
CREATE FUNCTION guard_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.change_id IS NULL AND ({_FOUNDED}) >= 2 THEN
            RAISE EXCEPTION '{_REFUSED}';
        END IF;
    ELSIF (NEW.username, NEW.role, NEW.office, NEW.state)
        IS DISTINCT FROM (OLD.username, OLD.role, OLD.office, OLD.state)
        AND (NEW.change_id IS NULL OR NEW.change_id IS NOT DISTINCT FROM OLD.change_id) THEN
        RAISE EXCEPTION '{_REFUSED}';
    END IF;
    RETURN NEW;
END $$
"""
_GUARDED = """
CREATE TRIGGER operators_guarded BEFORE INSERT OR UPDATE ON operators
FOR EACH ROW EXECUTE FUNCTION guard_accounts()
"""


def upgrade() -> None:
    _create_changes()
    _create_cards()
    with altered("operators") as operators:
        operators.add_column(
            sa.Column("state", sa.String(length=16), nullable=False, server_default="active")
        )
        operators.add_column(sa.Column("change_id", sa.String(length=16), nullable=True))
        operators.add_column(sa.Column("change_confirmed_by", sa.String(length=64), nullable=True))
        operators.create_check_constraint(op.f("ck_operators_state"), "state IN ('active', 'locked')")
        operators.create_check_constraint(
            op.f("ck_operators_changed_by_two"), "(change_id IS NULL) = (change_confirmed_by IS NULL)"
        )
        operators.create_foreign_key(
            "fk_operators_change",
            "operator_changes",
            ["change_id", *_ACCOUNT, "change_confirmed_by"],
            ["id", *_ACCOUNT, "confirmed_by"],
        )
    with altered("operators") as operators:
        operators.alter_column("state", existing_type=sa.String(length=16), server_default=None)
    with altered("operator_sessions") as sessions:
        sessions.add_column(
            sa.Column("method", sa.String(length=16), nullable=False, server_default="password")
        )
    with altered("operator_sessions") as sessions:
        sessions.alter_column("method", existing_type=sa.String(length=16), server_default=None)
    for statement in (_INSERTED, _UPDATED) if _is_sqlite() else (_FUNCTION, _GUARDED):
        op.execute(statement)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _create_changes() -> None:
    op.create_table(
        "operator_changes",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("office", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("proposed_by", sa.String(length=64), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_by", sa.String(length=64), nullable=True),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("withdrawn_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('card', 'change', 'create', 'lock', 'unlock')", name=op.f("ck_operator_changes_kind")
        ),
        sa.CheckConstraint("state IN ('active', 'locked')", name=op.f("ck_operator_changes_state")),
        sa.CheckConstraint(
            "confirmed_by IS NULL OR confirmed_by <> proposed_by", name=op.f("ck_operator_changes_two_people")
        ),
        sa.CheckConstraint(
            "username <> proposed_by AND (confirmed_by IS NULL OR username <> confirmed_by)",
            name=op.f("ck_operator_changes_not_own_account"),
        ),
        sa.CheckConstraint(
            "(confirmed_by IS NULL) = (confirmed_at IS NULL)", name=op.f("ck_operator_changes_confirmed")
        ),
        sa.CheckConstraint(
            "confirmed_at IS NULL OR withdrawn_at IS NULL", name=op.f("ck_operator_changes_one_end")
        ),
        sa.ForeignKeyConstraint(["office"], ["offices.code"], name=op.f("fk_operator_changes_office")),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["operators.username"], name=op.f("fk_operator_changes_proposed_by")
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_by"], ["operators.username"], name=op.f("fk_operator_changes_confirmed_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_changes")),
        sa.UniqueConstraint("id", *_ACCOUNT, "confirmed_by", name="uq_operator_changes_account"),
        sa.UniqueConstraint("id", "username", "kind", "confirmed_by", name="uq_operator_changes_card"),
    )
    op.create_index(op.f("ix_operator_changes_username"), "operator_changes", ["username"], unique=False)


def _create_cards() -> None:
    op.create_table(
        "operator_cards",
        sa.Column("change_id", sa.String(length=16), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("certificate_sha256", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("confirmed_by", sa.String(length=64), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("kind = 'card'", name=op.f("ck_operator_cards_kind")),
        sa.ForeignKeyConstraint(
            ["change_id", "username", "kind", "confirmed_by"],
            [
                "operator_changes.id",
                "operator_changes.username",
                "operator_changes.kind",
                "operator_changes.confirmed_by",
            ],
            name="fk_operator_cards_change",
        ),
        sa.ForeignKeyConstraint(
            ["username"], ["operators.username"], name=op.f("fk_operator_cards_username")
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_operator_cards")),
        sa.UniqueConstraint("serial", name=op.f("uq_operator_cards_serial")),
    )
    op.create_index(op.f("ix_operator_cards_username"), "operator_cards", ["username"], unique=False)


def downgrade() -> None:
    if _is_sqlite():
        op.execute("DROP TRIGGER operators_founded")
        op.execute("DROP TRIGGER operators_changed")
    else:
        op.execute("DROP TRIGGER operators_guarded ON operators")
        op.execute("DROP FUNCTION guard_accounts()")
    with altered("operator_sessions") as sessions:
        sessions.drop_column("method")
    with altered("operators", replaced=("ck_operators_state", "ck_operators_changed_by_two")) as operators:
        operators.drop_constraint("fk_operators_change", type_="foreignkey")
        for column in ("state", "change_id", "change_confirmed_by"):
            operators.drop_column(column)
    op.drop_table("operator_cards")
    op.drop_table("operator_changes")
