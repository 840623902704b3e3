"""Checks of the person before a delivery, refusals; cards move along their arrows alone."""

import sqlalchemy as sa
from alembic import op

from issuance.migrations.altering import altered
from pki.auditchain.appendonly import append_only, unprotected
from pki.store.database import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("identity_checks", "card_refusals")
_ARROWS = (
    ("in_production", "produced"),
    ("in_production", "voided"),
    ("produced", "voided"),
    ("produced", "active"),
    ("produced", "revoked"),
    ("active", "suspended"),
    ("active", "revoked"),
    ("suspended", "active"),
    ("suspended", "revoked"),
)
_ALLOWED = " OR ".join(f"(OLD.state = '{before}' AND NEW.state = '{after}')" for before, after in _ARROWS)
_TO_LIFE = "OLD.state = 'produced' AND NEW.state = 'active'"
_DELIVERED = "EXISTS (SELECT 1 FROM deliveries WHERE card_number = NEW.card_number AND state = 'completed')"
_SQLITE = tuple(
    f"CREATE TRIGGER cards_{name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{why}'); END"
    for name, when, why in (
        ("begin", "INSERT ON cards WHEN NEW.state <> 'in_production'", "cards begin in production"),
        (
            "arrows",
            f"UPDATE OF state ON cards WHEN NEW.state <> OLD.state AND NOT ({_ALLOWED})",
            "cards follow their arrows",
        ),
        (
            "delivered",
            f"UPDATE OF state ON cards WHEN {_TO_LIFE} AND NOT {_DELIVERED}",
            "cards are active once delivered",
        ),
    )
)
_POSTGRESQL = (
    f"""
    CREATE FUNCTION cards_follow_arrows() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            IF NEW.state <> 'in_production' THEN RAISE EXCEPTION 'cards begin in production'; END IF;
        ELSIF NEW.state <> OLD.state THEN
            IF NOT ({_ALLOWED}) THEN RAISE EXCEPTION 'cards follow their arrows'; END IF;
            IF {_TO_LIFE} AND NOT {_DELIVERED} THEN
                RAISE EXCEPTION 'cards are active once delivered';
            END IF;
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER cards_arrows BEFORE INSERT OR UPDATE OF state ON cards
    FOR EACH ROW EXECUTE FUNCTION cards_follow_arrows()
    """,
)


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    _create_identity_checks()
    _create_refusals()
    _give_deliveries_a_check()
    for statement in _SQLITE if dialect == "sqlite" else _POSTGRESQL:
        op.execute(statement)
    for table in _APPEND_ONLY:
        for statement in append_only(dialect, table):
            op.execute(statement)


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        for name in ("begin", "arrows", "delivered"):
            op.execute(f"DROP TRIGGER cards_{name}")
    else:
        op.execute("DROP TRIGGER cards_arrows ON cards")
        op.execute("DROP FUNCTION cards_follow_arrows")
    for table in _APPEND_ONLY:
        for statement in unprotected(dialect, table):
            op.execute(statement)
    rules = ("checked", "proven", "closed", "closed_for")
    with altered("deliveries", [f"ck_deliveries_{rule}" for rule in rules]) as deliveries:
        deliveries.drop_constraint("fk_deliveries_identity_check", type_="foreignkey")
        deliveries.drop_index(op.f("ix_deliveries_identity_check_id"))
        for column in ("identity_check_id", "check_outcome", "matched_at", "closed_for"):
            deliveries.drop_column(column)
    op.drop_table("card_refusals")
    op.drop_table("identity_checks")


def _create_identity_checks() -> None:
    op.create_table(
        "identity_checks",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("card_number", sa.String(length=10), nullable=False),
        sa.Column("application_id", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("fault", sa.String(length=16), nullable=True),
        sa.Column("document", sa.String(length=32), nullable=True),
        sa.Column("register_answer", sa.Integer(), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("threshold", sa.Integer(), nullable=True),
        sa.Column("checked_by", sa.String(length=64), nullable=True),
        sa.Column("checked_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('failed', 'passed', 'unrecorded')", name=op.f("ck_identity_checks_outcome")
        ),
        sa.CheckConstraint(
            "(outcome = 'failed') = (fault IS NOT NULL)", name=op.f("ck_identity_checks_failed_with_fault")
        ),
        sa.CheckConstraint(
            "fault IS NULL OR fault IN ('deceased', 'portrait', 'record_changed', 'score')",
            name=op.f("ck_identity_checks_fault"),
        ),
        sa.CheckConstraint(
            "outcome <> 'passed' OR (document IS NOT NULL AND register_answer IS NOT NULL)",
            name=op.f("ck_identity_checks_passed_by"),
        ),
        sa.CheckConstraint(
            "(score IS NULL) = (threshold IS NULL)", name=op.f("ck_identity_checks_score_with_threshold")
        ),
        sa.CheckConstraint(
            "outcome <> 'passed' OR score IS NULL OR score >= threshold",
            name=op.f("ck_identity_checks_passed_score"),
        ),
        sa.CheckConstraint(
            "score IS NULL OR score BETWEEN 0 AND 1000", name=op.f("ck_identity_checks_score")
        ),
        sa.CheckConstraint(
            "(outcome = 'unrecorded') = (checked_by IS NULL)", name=op.f("ck_identity_checks_checked_by")
        ),
        sa.ForeignKeyConstraint(
            ["application_id", "register_answer"],
            ["register_answers.application_id", "register_answers.number"],
            name="fk_identity_checks_register_answer",
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_identity_checks_application_id")
        ),
        sa.ForeignKeyConstraint(
            ["card_number"], ["cards.card_number"], name=op.f("fk_identity_checks_card_number")
        ),
        sa.ForeignKeyConstraint(
            ["checked_by"], ["operators.username"], name=op.f("fk_identity_checks_checked_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_checks")),
        sa.UniqueConstraint("id", "card_number", "outcome", name="uq_identity_checks_outcome"),
    )
    op.create_index(
        "ix_identity_checks_card_number_checked_at",
        "identity_checks",
        ["card_number", "checked_at"],
        unique=False,
    )


def _create_refusals() -> None:
    op.create_table(
        "card_refusals",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("card_number", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("recorded_by", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "reason IN ('damaged', 'unwanted', 'wrong_data', 'wrong_portrait')",
            name=op.f("ck_card_refusals_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["card_number"], ["cards.card_number"], name=op.f("fk_card_refusals_card_number")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["operators.username"], name=op.f("fk_card_refusals_recorded_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_refusals")),
    )
    op.create_index(op.f("ix_card_refusals_card_number"), "card_refusals", ["card_number"], unique=False)


def _give_deliveries_a_check() -> None:
    """Those of before have one that says that nothing was kept; those that were open are opened anew."""
    with altered("deliveries") as deliveries:
        deliveries.add_column(sa.Column("identity_check_id", sa.String(length=16), nullable=True))
        deliveries.add_column(sa.Column("check_outcome", sa.String(length=16), nullable=True))
        deliveries.add_column(sa.Column("matched_at", UtcDateTime(), nullable=True))
        deliveries.add_column(sa.Column("closed_for", sa.String(length=16), nullable=True))
    op.execute(
        "INSERT INTO identity_checks (id, card_number, application_id, outcome, checked_at) "
        "SELECT d.id, d.card_number, c.application_id, 'unrecorded', d.opened_at "
        "FROM deliveries d JOIN cards c ON c.card_number = d.card_number"
    )
    op.execute("UPDATE deliveries SET identity_check_id = id, check_outcome = 'unrecorded'")
    op.execute("UPDATE deliveries SET matched_at = proven_at WHERE state IN ('proven', 'completed')")
    op.execute(
        "UPDATE deliveries SET state = 'closed', closed_for = 'unrecorded' WHERE state IN ('open', 'closed')"
    )
    with altered("deliveries") as deliveries:
        for column in ("identity_check_id", "check_outcome"):
            deliveries.alter_column(column, existing_type=sa.String(length=16), nullable=False)
        deliveries.create_check_constraint(
            op.f("ck_deliveries_checked"), "check_outcome IN ('passed', 'unrecorded')"
        )
        deliveries.create_check_constraint(
            op.f("ck_deliveries_proven"),
            "state NOT IN ('proven', 'completed') OR (matched_at IS NOT NULL AND proven_at IS NOT NULL)",
        )
        deliveries.create_check_constraint(
            op.f("ck_deliveries_closed"), "(state = 'closed') = (closed_for IS NOT NULL)"
        )
        deliveries.create_check_constraint(
            op.f("ck_deliveries_closed_for"),
            "closed_for IS NULL OR closed_for IN ('check_failed', 'refused', 'revoked', 'superseded', "
            "'tries', 'unrecorded')",
        )
        deliveries.create_foreign_key(
            "fk_deliveries_identity_check",
            "identity_checks",
            ["identity_check_id", "card_number", "check_outcome"],
            ["id", "card_number", "outcome"],
        )
        deliveries.create_index(op.f("ix_deliveries_identity_check_id"), ["identity_check_id"], unique=False)
