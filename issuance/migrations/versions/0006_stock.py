"""Offices; stock, orders, inspections and batch runs; which office everything belongs to."""

import sqlalchemy as sa
from alembic import op

from issuance.migrations.altering import altered
from pki.auditchain.appendonly import append_only, unprotected
from pki.store.database import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("stock_movements", "promises")
_FIRST_OFFICE = "1"
_OPENING = "OPENING"
_OPENING_BATCH = """
    INSERT INTO stock_batches
        (id, office, product, delivery_note, state, version, bodies, noted, counted, announced_at)
    SELECT :batch, :office, 'opening', 'opening', 'opening', 1, :bodies, '[]', '[]', min(taken_at) FROM cards
"""
_OPENING_MOVEMENTS = """
    INSERT INTO stock_movements (serial, number, kind, to_state, to_office, actor, at, reason)
    SELECT card_number, 1, 'opening', CASE state WHEN 'voided' THEN 'spoiled' ELSE 'used' END, :office,
        'system', taken_at, ''
    FROM cards
"""
_OPENING_BODIES = """
    INSERT INTO stock_bodies (serial, batch_id, office, state, moves, moved_by)
    SELECT card_number, :batch, :office, CASE state WHEN 'voided' THEN 'spoiled' ELSE 'used' END, 1, 'system'
    FROM cards
"""
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


def upgrade() -> None:
    _create_offices()
    op.execute(
        sa.text(
            "INSERT INTO offices (code, persian_name, latin_name, province, inspects) "
            "VALUES (:code, 'دفتر مرکزی', 'Central office', 'تهران', :inspects)"
        ).bindparams(code=_FIRST_OFFICE, inspects=False)
    )
    _give_operators_an_office()
    _give_applications_an_office()
    _create_stock_batches()
    _create_stock_differences()
    _create_stock_movements()
    _create_stock_bodies()
    _open_stock()
    with altered("cards") as cards:
        cards.create_foreign_key(op.f("fk_cards_card_number"), "stock_bodies", ["card_number"], ["serial"])
    _tell_who_resumed()
    _create_orders()
    _queue_approved()
    _create_promises()
    _create_inspections()
    _create_batch_runs()
    _create_batch_run_readers()
    for table in _APPEND_ONLY:
        for statement in append_only(op.get_bind().dialect.name, table):
            op.execute(statement)


def downgrade() -> None:
    for table in _APPEND_ONLY:
        for statement in unprotected(op.get_bind().dialect.name, table):
            op.execute(statement)
    for table in ("batch_run_readers", "batch_runs", "inspections", "promises", "orders"):
        op.drop_table(table)
    with altered("productions") as productions:
        productions.drop_constraint(op.f("fk_productions_resumed_by"), type_="foreignkey")
        productions.drop_constraint("uq_productions_people", type_="unique")
        productions.drop_index(op.f("ix_productions_card_number"))
        productions.drop_column("resumed_by")
    with altered("cards") as cards:
        cards.drop_constraint(op.f("fk_cards_card_number"), type_="foreignkey")
    for table in ("stock_bodies", "stock_movements", "stock_differences", "stock_batches"):
        op.drop_table(table)
    _take_offices_away()
    op.drop_table("offices")


def _give_operators_an_office() -> None:
    with altered("operators") as operators:
        operators.add_column(
            sa.Column("office", sa.String(length=8), server_default=_FIRST_OFFICE, nullable=False)
        )
        operators.create_foreign_key(op.f("fk_operators_office"), "offices", ["office"], ["code"])
        operators.create_index(op.f("ix_operators_office"), ["office"], unique=False)


def _give_applications_an_office() -> None:
    with altered("applications", ["ck_applications_state"]) as applications:
        applications.add_column(
            sa.Column("office", sa.String(length=8), server_default=_FIRST_OFFICE, nullable=False)
        )
        applications.create_foreign_key(op.f("fk_applications_office"), "offices", ["office"], ["code"])
        applications.create_index(op.f("ix_applications_office"), ["office"], unique=False)
        applications.create_unique_constraint("uq_applications_id_state", ["id", "state"])
        applications.create_check_constraint(
            op.f("ck_applications_state"),
            "state IN ('approved', 'delivered', 'draft', 'in_production', 'inspection', 'ready', 'refused', "
            "'returned', 'submitted', 'withdrawn')",
        )
    _set_open_states("'approved', 'draft', 'in_production', 'inspection', 'ready', 'returned', 'submitted'")


def _set_open_states(states: str) -> None:
    """A person has one application at most in these."""
    open_states = sa.text(f"state IN ({states})")
    op.drop_index("uq_applications_open", "applications")
    op.create_index(
        "uq_applications_open",
        "applications",
        ["national_code"],
        unique=True,
        sqlite_where=open_states,
        postgresql_where=open_states,
    )


def _take_offices_away() -> None:
    _set_open_states("'approved', 'draft', 'in_production', 'ready', 'returned', 'submitted'")
    with altered("applications", ["ck_applications_state"]) as applications:
        applications.drop_constraint("uq_applications_id_state", type_="unique")
        applications.drop_constraint(op.f("fk_applications_office"), type_="foreignkey")
        applications.drop_index(op.f("ix_applications_office"))
        applications.drop_column("office")
        applications.create_check_constraint(
            op.f("ck_applications_state"),
            "state IN ('approved', 'delivered', 'draft', 'in_production', 'ready', 'refused', 'returned', "
            "'submitted', 'withdrawn')",
        )
    with altered("operators") as operators:
        operators.drop_constraint(op.f("fk_operators_office"), type_="foreignkey")
        operators.drop_index(op.f("ix_operators_office"))
        operators.drop_column("office")


def _open_stock() -> None:
    """Every card until now was made on a body that nobody counted: they are one batch, used or spoiled."""
    cards = op.get_bind().scalar(sa.text("SELECT count(*) FROM cards"))
    if not cards:
        return
    values = {"batch": _OPENING, "office": _FIRST_OFFICE, "bodies": cards}
    for statement in (_OPENING_BATCH, _OPENING_MOVEMENTS, _OPENING_BODIES):
        op.get_bind().execute(sa.text(statement), values)


def _tell_who_resumed() -> None:
    with altered("productions") as productions:
        productions.add_column(sa.Column("resumed_by", sa.String(length=64), nullable=True))
    op.execute("UPDATE productions SET resumed_by = started_by")
    with altered("productions") as productions:
        productions.alter_column("resumed_by", existing_type=sa.String(length=64), nullable=False)
        productions.create_foreign_key(
            op.f("fk_productions_resumed_by"), "operators", ["resumed_by"], ["username"]
        )
        productions.create_unique_constraint("uq_productions_people", ["id", "started_by", "resumed_by"])
        productions.create_index(op.f("ix_productions_card_number"), ["card_number"], unique=False)


def _queue_approved() -> None:
    op.execute(
        "INSERT INTO orders (application_id, state, office, approved_at, priority, rank_at) "
        "SELECT id, state, office, decided_at, 'ordinary', decided_at FROM applications "
        "WHERE state IN ('approved', 'in_production', 'ready') AND decided_at IS NOT NULL"
    )


def _create_offices() -> None:
    op.create_table(
        "offices",
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("persian_name", sa.String(length=100), nullable=False),
        sa.Column("latin_name", sa.String(length=100), nullable=False),
        sa.Column("province", sa.String(length=100), nullable=False),
        sa.Column("inspects", sa.Boolean(), nullable=False),
        sa.CheckConstraint("code <> ''", name=op.f("ck_offices_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_offices")),
    )


def _create_stock_batches() -> None:
    op.create_table(
        "stock_batches",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("office", sa.String(length=8), nullable=False),
        sa.Column("product", sa.String(length=40), nullable=False),
        sa.Column("delivery_note", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("bodies", sa.Integer(), nullable=False),
        sa.Column("noted", sa.JSON(), nullable=False),
        sa.Column("counted", sa.JSON(), nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("announced_by", sa.String(length=64), nullable=True),
        sa.Column("announced_at", UtcDateTime(), nullable=False),
        sa.Column("counted_by", sa.String(length=64), nullable=True),
        sa.Column("counted_at", UtcDateTime(), nullable=True),
        sa.Column("confirmed_by", sa.String(length=64), nullable=True),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "(state = 'confirmed') = (confirmed_by IS NOT NULL)", name=op.f("ck_stock_batches_confirmed")
        ),
        sa.CheckConstraint(
            "state IN ('announced', 'confirmed', 'counted', 'opening')", name=op.f("ck_stock_batches_state")
        ),
        sa.CheckConstraint(
            "state NOT IN ('counted', 'confirmed') OR counted_by IS NOT NULL",
            name=op.f("ck_stock_batches_counted"),
        ),
        sa.CheckConstraint("bodies > 0", name=op.f("ck_stock_batches_bodies")),
        sa.CheckConstraint("confirmed_by <> counted_by", name=op.f("ck_stock_batches_two_people")),
        sa.ForeignKeyConstraint(
            ["announced_by"], ["operators.username"], name=op.f("fk_stock_batches_announced_by")
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_by"], ["operators.username"], name=op.f("fk_stock_batches_confirmed_by")
        ),
        sa.ForeignKeyConstraint(
            ["counted_by"], ["operators.username"], name=op.f("fk_stock_batches_counted_by")
        ),
        sa.ForeignKeyConstraint(["office"], ["offices.code"], name=op.f("fk_stock_batches_office")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_batches")),
        sa.UniqueConstraint("delivery_note", name=op.f("uq_stock_batches_delivery_note")),
    )
    op.create_index("ix_stock_batches_office_state", "stock_batches", ["office", "state"], unique=False)


def _create_stock_differences() -> None:
    op.create_table(
        "stock_differences",
        sa.Column("batch_id", sa.String(length=16), nullable=False),
        sa.Column("serial", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.CheckConstraint("kind IN ('missing', 'surplus')", name=op.f("ck_stock_differences_kind")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["stock_batches.id"], name=op.f("fk_stock_differences_batch_id")
        ),
        sa.PrimaryKeyConstraint("batch_id", "serial", name=op.f("pk_stock_differences")),
    )


def _create_stock_movements() -> None:
    op.create_table(
        "stock_movements",
        sa.Column("serial", sa.String(length=10), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("previous", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("from_state", sa.String(length=16), nullable=True),
        sa.Column("to_state", sa.String(length=16), nullable=False),
        sa.Column("from_office", sa.String(length=8), nullable=True),
        sa.Column("to_office", sa.String(length=8), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("previous_actor", sa.String(length=64), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.CheckConstraint(" OR ".join(_ARROWS), name=op.f("ck_stock_movements_arrow")),
        sa.CheckConstraint(
            "NOT (kind IN ('destroy', 'receive')) OR "
            "(previous_actor IS NOT NULL AND actor <> previous_actor)",
            name=op.f("ck_stock_movements_two_people"),
        ),
        sa.CheckConstraint(
            "from_office IS NULL OR kind = 'send' OR to_office = from_office",
            name=op.f("ck_stock_movements_office"),
        ),
        sa.CheckConstraint(
            "kind <> 'send' OR to_office <> from_office", name=op.f("ck_stock_movements_elsewhere")
        ),
        sa.CheckConstraint(
            "(number = 1 AND previous IS NULL AND from_state IS NULL AND from_office IS NULL) OR "
            "(number > 1 AND coalesce(previous, 0) = number - 1 AND from_state IS NOT NULL "
            "AND from_office IS NOT NULL AND previous_actor IS NOT NULL)",
            name=op.f("ck_stock_movements_previous"),
        ),
        sa.ForeignKeyConstraint(
            ["serial", "previous", "from_state", "from_office", "previous_actor"],
            [
                "stock_movements.serial",
                "stock_movements.number",
                "stock_movements.to_state",
                "stock_movements.to_office",
                "stock_movements.actor",
            ],
            name="fk_stock_movements_previous",
        ),
        sa.ForeignKeyConstraint(["to_office"], ["offices.code"], name=op.f("fk_stock_movements_to_office")),
        sa.PrimaryKeyConstraint("serial", "number", name=op.f("pk_stock_movements")),
        sa.UniqueConstraint(
            "serial", "number", "to_state", "to_office", "actor", name="uq_stock_movements_end"
        ),
    )
    op.create_index(
        "ix_stock_movements_from_office_at", "stock_movements", ["from_office", "at"], unique=False
    )
    op.create_index("ix_stock_movements_to_office_at", "stock_movements", ["to_office", "at"], unique=False)


def _create_stock_bodies() -> None:
    op.create_table(
        "stock_bodies",
        sa.Column("serial", sa.String(length=10), nullable=False),
        sa.Column("batch_id", sa.String(length=16), nullable=False),
        sa.Column("office", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("moves", sa.Integer(), nullable=False),
        sa.Column("moved_by", sa.String(length=64), nullable=False),
        sa.Column("application_id", sa.String(length=16), nullable=True),
        sa.CheckConstraint(
            "(state = 'reserved') = (application_id IS NOT NULL)", name=op.f("ck_stock_bodies_reserved")
        ),
        sa.CheckConstraint(
            "state IN ('condemned', 'destroyed', 'in_stock', 'in_transit', 'reserved', 'spoiled', 'used')",
            name=op.f("ck_stock_bodies_state"),
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_stock_bodies_application_id")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["stock_batches.id"], name=op.f("fk_stock_bodies_batch_id")),
        sa.ForeignKeyConstraint(["office"], ["offices.code"], name=op.f("fk_stock_bodies_office")),
        sa.ForeignKeyConstraint(
            ["serial", "moves", "state", "office", "moved_by"],
            [
                "stock_movements.serial",
                "stock_movements.number",
                "stock_movements.to_state",
                "stock_movements.to_office",
                "stock_movements.actor",
            ],
            name="fk_stock_bodies_last_movement",
        ),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_stock_bodies")),
    )
    op.create_index(op.f("ix_stock_bodies_application_id"), "stock_bodies", ["application_id"], unique=False)
    op.create_index(op.f("ix_stock_bodies_batch_id"), "stock_bodies", ["batch_id"], unique=False)
    op.create_index("ix_stock_bodies_office_state", "stock_bodies", ["office", "state"], unique=False)


def _create_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("application_id", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("office", sa.String(length=8), nullable=False),
        sa.Column("approved_at", UtcDateTime(), nullable=False),
        sa.Column("priority", sa.String(length=16), nullable=False),
        sa.Column("rank_at", UtcDateTime(), nullable=False),
        sa.Column("urgent_reason", sa.String(length=200), nullable=True),
        sa.Column("urgent_by", sa.String(length=64), nullable=True),
        sa.Column("holder", sa.String(length=16), nullable=True),
        sa.Column("lease_expires_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "(priority = 'urgent') = (urgent_reason IS NOT NULL) AND "
            "(urgent_reason IS NULL) = (urgent_by IS NULL)",
            name=op.f("ck_orders_urgent_with_reason"),
        ),
        sa.CheckConstraint("priority = 'urgent' OR rank_at = approved_at", name=op.f("ck_orders_rank")),
        sa.CheckConstraint("priority IN ('ordinary', 'urgent')", name=op.f("ck_orders_priority")),
        sa.CheckConstraint("(holder IS NULL) = (lease_expires_at IS NULL)", name=op.f("ck_orders_lease")),
        sa.CheckConstraint("rank_at <= approved_at", name=op.f("ck_orders_never_later")),
        sa.ForeignKeyConstraint(
            ["application_id", "state"],
            ["applications.id", "applications.state"],
            name="fk_orders_application",
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(["office"], ["offices.code"], name=op.f("fk_orders_office")),
        sa.ForeignKeyConstraint(["urgent_by"], ["operators.username"], name=op.f("fk_orders_urgent_by")),
        sa.PrimaryKeyConstraint("application_id", name=op.f("pk_orders")),
    )
    op.create_index(
        "ix_orders_queue",
        "orders",
        ["office", "rank_at", "application_id"],
        unique=False,
        sqlite_where=sa.text("state = 'approved'"),
        postgresql_where=sa.text("state = 'approved'"),
    )
    op.create_index(
        "ix_orders_urgent",
        "orders",
        ["office", "priority"],
        unique=False,
        sqlite_where=sa.text("state = 'approved'"),
        postgresql_where=sa.text("state = 'approved'"),
    )


def _create_promises() -> None:
    op.create_table(
        "promises",
        sa.Column("application_id", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("told_at", UtcDateTime(), nullable=False),
        sa.Column("told_by", sa.String(length=64), nullable=False),
        sa.Column("promised_on", sa.Date(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("on_hand", sa.Integer(), nullable=False),
        sa.Column("cards_per_day", sa.Double(), nullable=True),
        sa.CheckConstraint("number > 0", name=op.f("ck_promises_number")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["orders.application_id"], name=op.f("fk_promises_application_id")
        ),
        sa.PrimaryKeyConstraint("application_id", "number", name=op.f("pk_promises")),
    )


def _create_inspections() -> None:
    op.create_table(
        "inspections",
        sa.Column("production_id", sa.String(length=16), nullable=False),
        sa.Column("started_by", sa.String(length=64), nullable=False),
        sa.Column("resumed_by", sa.String(length=64), nullable=False),
        sa.Column("inspected_by", sa.String(length=64), nullable=False),
        sa.Column("inspected_at", UtcDateTime(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "accepted OR reason IS NOT NULL", name=op.f("ck_inspections_rejected_with_reason")
        ),
        sa.CheckConstraint(
            "inspected_by <> started_by AND inspected_by <> resumed_by",
            name=op.f("ck_inspections_not_own_work"),
        ),
        sa.ForeignKeyConstraint(
            ["inspected_by"], ["operators.username"], name=op.f("fk_inspections_inspected_by")
        ),
        sa.ForeignKeyConstraint(
            ["production_id", "started_by", "resumed_by"],
            ["productions.id", "productions.started_by", "productions.resumed_by"],
            name="fk_inspections_production",
        ),
        sa.PrimaryKeyConstraint("production_id", name=op.f("pk_inspections")),
    )


def _create_batch_runs() -> None:
    op.create_table(
        "batch_runs",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("office", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.String(length=64), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('cancelled', 'finished', 'paused', 'running')", name=op.f("ck_batch_runs_state")
        ),
        sa.ForeignKeyConstraint(["office"], ["offices.code"], name=op.f("fk_batch_runs_office")),
        sa.ForeignKeyConstraint(
            ["started_by"], ["operators.username"], name=op.f("fk_batch_runs_started_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_runs")),
    )
    op.create_index(op.f("ix_batch_runs_office"), "batch_runs", ["office"], unique=False)


def _create_batch_run_readers() -> None:
    op.create_table(
        "batch_run_readers",
        sa.Column("batch_run_id", sa.String(length=16), nullable=False),
        sa.Column("reader", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("produced", sa.Integer(), nullable=False),
        sa.Column("production_id", sa.String(length=16), nullable=True),
        sa.Column("failure_kind", sa.String(length=40), nullable=True),
        sa.Column("failure_detail", sa.String(length=300), nullable=True),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "state IN ('done', 'stopped', 'waiting', 'working')", name=op.f("ck_batch_run_readers_state")
        ),
        sa.ForeignKeyConstraint(
            ["batch_run_id"], ["batch_runs.id"], name=op.f("fk_batch_run_readers_batch_run_id")
        ),
        sa.ForeignKeyConstraint(
            ["production_id"], ["productions.id"], name=op.f("fk_batch_run_readers_production_id")
        ),
        sa.PrimaryKeyConstraint("batch_run_id", "reader", name=op.f("pk_batch_run_readers")),
    )
