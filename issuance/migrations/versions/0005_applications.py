"""Kinds of applications with their evidence; duplicates, tracking codes, approval batches; keys of names."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection

from issuance.registry.namekeys import pair_key, skeleton, sort_key
from pki.store.database import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OPEN = sa.text("state IN ('approved', 'draft', 'in_production', 'ready', 'returned', 'submitted')")
_STATES = "'approved', 'delivered', 'draft', 'in_production', 'ready', 'refused', 'returned', 'submitted'"
_DECIDED = "state IN ('draft', 'submitted', 'returned') OR decided_by IS NOT NULL"
_NAMES = ("national_code", "given_name", "surname", "father_name")
_KEYS = {"sort_key": 402, "given_key": 100, "surname_key": 100, "father_key": 100, "pair_key": 201}
_BATCH = 1000
_NEW_CHECKS = {
    "not_own_edit": "decided_by IS NULL OR edited_by IS NULL OR decided_by <> edited_by",
    "not_own_portrait": "decided_by IS NULL OR portrait_by IS NULL OR decided_by <> portrait_by",
    "kind": "kind IN ('correction', 'new', 'renewal', 'replacement')",
    "cause": "cause IS NULL OR cause IN ('damaged', 'lost', 'stolen')",
    "replaced_for_cause": "(kind = 'replacement') = (cause IS NOT NULL)",
    "replaces": "(kind = 'new') = (replaces IS NULL)",
    "matches_decided": "undecided_matches = 0 OR (undecided_matches > 0 AND "
    "state IN ('draft', 'refused', 'returned', 'submitted', 'withdrawn'))",
}


def upgrade() -> None:
    _give_citizens_keys()
    _widen_applications()
    op.execute("UPDATE applications SET edited_by = enrolled_by, portrait_by = enrolled_by")
    _create_evidence()
    _create_register_answers()
    _create_leases()
    _create_matches()
    _create_status_tries()
    _create_batches()


def downgrade() -> None:
    for table in (
        "approval_batch_items",
        "approval_batches",
        "status_tries",
        "duplicate_matches",
        "editing_leases",
        "register_answers",
        "application_evidence",
    ):
        op.drop_table(table)
    _narrow_applications()
    for index in ("pair_key_birth_date", "birth_date_given_key", "birth_date_surname_key", "sort_key"):
        op.drop_index(f"ix_citizens_{index}", "citizens")
    with op.batch_alter_table("citizens") as citizens:
        citizens.drop_constraint(op.f("ck_citizens_birth_precision"), type_="check")
        for column in (*_KEYS, "birth_precision"):
            citizens.drop_column(column)


def _give_citizens_keys() -> None:
    for name, length in _KEYS.items():
        op.add_column("citizens", sa.Column(name, sa.String(length), server_default="", nullable=False))
    with op.batch_alter_table("citizens") as table:
        table.add_column(sa.Column("birth_precision", sa.String(8), server_default="day", nullable=False))
        table.create_check_constraint(
            op.f("ck_citizens_birth_precision"), "birth_precision IN ('day', 'month', 'year')"
        )
    _fill_keys(op.get_bind())
    op.create_index("ix_citizens_pair_key_birth_date", "citizens", ["pair_key", "birth_date"])
    op.create_index("ix_citizens_birth_date_given_key", "citizens", ["birth_date", "given_key"])
    op.create_index("ix_citizens_birth_date_surname_key", "citizens", ["birth_date", "surname_key"])
    op.create_index(op.f("ix_citizens_sort_key"), "citizens", ["sort_key"])


def _fill_keys(connection: Connection) -> None:
    people = sa.table("citizens", *(sa.column(name) for name in (*_NAMES, *_KEYS)))
    code, given_name, surname, father_name = (people.c[name] for name in _NAMES)
    last = ""
    while True:
        query = sa.select(code, given_name, surname, father_name).where(code > last).order_by(code)
        rows = connection.execute(query.limit(_BATCH)).all()
        if not rows:
            return
        for number, given, family, father in rows:
            keys = {
                "sort_key": sort_key(family, given),
                "given_key": skeleton(given),
                "surname_key": skeleton(family),
                "father_key": skeleton(father),
                "pair_key": pair_key(given, family),
            }
            connection.execute(people.update().where(code == number).values(keys))
        last = rows[-1][0]


def _widen_applications() -> None:
    # SQLite can't change a CHECK: there the batch makes the table anew.
    with op.batch_alter_table("applications", copy_from=_applications()) as table:
        for column in _new_columns():
            table.add_column(column)
        for name in ("edited_by", "portrait_by"):
            table.create_foreign_key(op.f(f"fk_applications_{name}"), "operators", [name], ["username"])
        table.create_foreign_key(op.f("fk_applications_replaces"), "cards", ["replaces"], ["card_number"])
        table.create_unique_constraint(op.f("uq_applications_tracking_code"), ["tracking_code"])
        table.drop_constraint(op.f("ck_applications_state"), type_="check")
        table.drop_constraint(op.f("ck_applications_decided"), type_="check")
        table.create_check_constraint(op.f("ck_applications_state"), f"state IN ({_STATES}, 'withdrawn')")
        table.create_check_constraint(
            op.f("ck_applications_decided"),
            "state IN ('draft', 'returned', 'submitted', 'withdrawn') OR decided_by IS NOT NULL",
        )
        for name, condition in _NEW_CHECKS.items():
            table.create_check_constraint(op.f(f"ck_applications_{name}"), condition)


def _narrow_applications() -> None:
    op.execute("DELETE FROM applications WHERE state = 'withdrawn'")
    wide = _applications(*_new_columns())
    with op.batch_alter_table("applications", copy_from=wide) as table:
        if op.get_bind().dialect.name != "sqlite":
            for name in ("state", "decided", *_NEW_CHECKS):
                table.drop_constraint(op.f(f"ck_applications_{name}"), type_="check")
            table.create_check_constraint(op.f("ck_applications_state"), f"state IN ({_STATES})")
            table.create_check_constraint(op.f("ck_applications_decided"), _DECIDED)
        for column in _new_columns():
            table.drop_column(column.name)


def _new_columns() -> list["sa.Column[object]"]:
    return [
        sa.Column("kind", sa.String(16), server_default="new", nullable=False),
        sa.Column("cause", sa.String(16)),
        sa.Column("replaces", sa.String(10)),
        sa.Column("edited_by", sa.String(64)),
        sa.Column("portrait_by", sa.String(64)),
        sa.Column("tracking_code", sa.String(10)),
        sa.Column("promised_on", sa.Date()),
        sa.Column("decision_reasons", sa.String(200), server_default="", nullable=False),
        sa.Column("undecided_matches", sa.Integer(), server_default="0", nullable=False),
    ]


def _applications(*more: "sa.Column[object]") -> sa.Table:
    """The table as it is until now, `more` columns with it."""
    table = sa.Table(
        "applications",
        sa.MetaData(),
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("national_code", sa.String(10), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("latin_given_name", sa.String(100), nullable=False),
        sa.Column("latin_surname", sa.String(100), nullable=False),
        sa.Column("portrait", sa.LargeBinary(), nullable=False),
        sa.Column("enrolled_by", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("submitted_at", UtcDateTime()),
        sa.Column("decided_by", sa.String(64)),
        sa.Column("decided_at", UtcDateTime()),
        sa.Column("decision_note", sa.String(500), nullable=False),
        *more,
        sa.CheckConstraint(f"state IN ({_STATES})", name="ck_applications_state"),
        sa.CheckConstraint(_DECIDED, name="ck_applications_decided"),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> enrolled_by", name="ck_applications_not_own_work"
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["operators.username"], name="fk_applications_decided_by"),
        sa.ForeignKeyConstraint(["enrolled_by"], ["operators.username"], name="fk_applications_enrolled_by"),
        sa.ForeignKeyConstraint(
            ["national_code"], ["citizens.national_code"], name="fk_applications_national_code"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_applications"),
    )
    sa.Index("ix_applications_national_code", table.c.national_code)
    sa.Index("ix_applications_state_created_at", table.c.state, table.c.created_at)
    sa.Index(
        "uq_applications_open",
        table.c.national_code,
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    return table


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def _create_evidence() -> None:
    table = "application_evidence"
    op.create_table(
        table,
        sa.Column("application_id", sa.String(16), nullable=False),
        sa.Column("document", sa.String(32), nullable=False),
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("seen_by", sa.String(64), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        _reference(table, "application_id", "applications.id"),
        _reference(table, "seen_by", "operators.username"),
        sa.PrimaryKeyConstraint("application_id", "document", name=op.f("pk_application_evidence")),
    )


def _create_register_answers() -> None:
    table = "register_answers"
    op.create_table(
        table,
        sa.Column("application_id", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("taken_over", sa.Boolean(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        _reference(table, "application_id", "applications.id"),
        _reference(table, "asked_by", "operators.username"),
        sa.PrimaryKeyConstraint("application_id", "number", name=op.f("pk_register_answers")),
    )


def _create_leases() -> None:
    table = "editing_leases"
    op.create_table(
        table,
        sa.Column("application_id", sa.String(16), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        _reference(table, "application_id", "applications.id"),
        _reference(table, "holder", "operators.username"),
        sa.PrimaryKeyConstraint("application_id", name=op.f("pk_editing_leases")),
    )


def _create_matches() -> None:
    table = "duplicate_matches"
    op.create_table(
        table,
        sa.Column("application_id", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("national_code", sa.String(10), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("causes", sa.String(100), nullable=False),
        sa.Column("found_at", UtcDateTime(), nullable=False),
        sa.Column("decision", sa.String(8)),
        sa.Column("decided_by", sa.String(64)),
        sa.Column("decided_at", UtcDateTime()),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.CheckConstraint("score BETWEEN 0 AND 100", name=op.f("ck_duplicate_matches_score")),
        sa.CheckConstraint(
            "decision IS NULL OR decision IN ('other', 'same')", name=op.f("ck_duplicate_matches_decision")
        ),
        sa.CheckConstraint(
            "(decision IS NULL) = (decided_by IS NULL)", name=op.f("ck_duplicate_matches_decided_by_somebody")
        ),
        sa.CheckConstraint(
            "decision IS NULL OR reason <> ''", name=op.f("ck_duplicate_matches_decided_with_reason")
        ),
        _reference(table, "application_id", "applications.id"),
        _reference(table, "national_code", "citizens.national_code"),
        _reference(table, "decided_by", "operators.username"),
        sa.PrimaryKeyConstraint("application_id", "number", name=op.f("pk_duplicate_matches")),
    )


def _create_status_tries() -> None:
    op.create_table(
        "status_tries",
        sa.Column("bucket", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", name=op.f("pk_status_tries")),
    )


def _create_batches() -> None:
    op.create_table(
        "approval_batches",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("proposed_by", sa.String(64), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime()),
        _reference("approval_batches", "proposed_by", "operators.username"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_batches")),
    )
    table = "approval_batch_items"
    op.create_table(
        table,
        sa.Column("batch_id", sa.String(16), nullable=False),
        sa.Column("application_id", sa.String(16), nullable=False),
        sa.Column("application_version", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(40)),
        _reference(table, "batch_id", "approval_batches.id"),
        _reference(table, "application_id", "applications.id"),
        sa.PrimaryKeyConstraint("batch_id", "application_id", name=op.f("pk_approval_batch_items")),
    )
