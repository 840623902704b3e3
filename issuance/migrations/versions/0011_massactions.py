"""The key-provenance index, filled for the cards there are; mass actions."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection

from issuance.provenance.models import TYPES
from issuance.provenance.placing import place_of
from issuance.provenance.recording import key_kind
from pki.store.columns import Serial
from pki.store.database import UtcDateTime
from pki.store.encrypted import EncryptedBytes

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_BATCH = 1000
_SLOTS = {"authentication": "9A", "signature": "9C"}
_INDEXES = ("body_batch", "chip_type", "algorithm", "office", "station")
# A key was made in the run that took the card's body, or in the renewal that got its certificate. Of a
# renewal neither reader nor office is on record: the office is that of who began it.
_KEYS = sa.text("""
    SELECT c.serial, c.card_number, c.profile, c.der, c.superseded_at, b.product, b.id AS batch,
        coalesce(r.started_at, p.started_at, k.taken_at) AS made_at,
        coalesce(o.office, a.office) AS office,
        CASE WHEN r.id IS NULL THEN p.reader END AS reader
    FROM card_certificates c
    JOIN cards k ON k.card_number = c.card_number
    JOIN applications a ON a.id = k.application_id
    JOIN stock_bodies s ON s.serial = c.card_number
    JOIN stock_batches b ON b.id = s.batch_id
    LEFT JOIN renewals r ON r.serial = c.serial
    LEFT JOIN operators o ON o.username = r.started_by
    LEFT JOIN productions p ON p.id = (
        SELECT max(q.id) FROM productions q WHERE q.card_number = c.card_number
    )
    WHERE c.serial > :last ORDER BY c.serial LIMIT :batch
""").columns(der=EncryptedBytes("card_certificates.der"), made_at=UtcDateTime(), superseded_at=UtcDateTime())


def upgrade() -> None:
    _create_provenance()
    _create_actions()
    _create_items()
    _create_parts()
    _fill(op.get_bind())


def downgrade() -> None:
    for table in ("mass_parts", "mass_items", "mass_actions", "key_provenance"):
        op.drop_table(table)


def _fill(connection: Connection) -> None:
    """Raises StoredValueError for a certificate that no authority of ours issued."""
    stations = set(connection.scalars(sa.text("SELECT id FROM stations")))
    last = ""
    while rows := connection.execute(_KEYS, {"last": last, "batch": _BATCH}).all():
        connection.execute(_provenance().insert(), [_key(row, stations) for row in rows])
        last = rows[-1].serial


def _key(row: "sa.Row[tuple[object, ...]]", stations: set[str]) -> dict[str, object]:
    issuer, shard = place_of(row.der)
    kind = key_kind(row.der)
    station = (row.reader or "").partition("/")[0]
    return {
        "serial": int(row.serial, 16),
        "issuer": issuer,
        "shard": shard,
        "card_number": row.card_number,
        "slot": _SLOTS[row.profile],
        "key_type": TYPES[kind].value,
        "algorithm": kind.value,
        "chip_type": row.product,
        "body_batch": row.batch,
        "office": row.office,
        "station": station if station in stations else None,
        "origin": "card",
        "made_at": row.made_at,
        "superseded_at": row.superseded_at,
    }


def _provenance() -> sa.TableClause:
    names = ("issuer", "shard", "card_number", "slot", "key_type", "algorithm", "chip_type", "body_batch")
    moments = (sa.column("made_at", UtcDateTime()), sa.column("superseded_at", UtcDateTime()))
    columns: Iterator[sa.ColumnClause[Any]] = (
        sa.column(name) for name in (*names, "office", "station", "origin")
    )
    return sa.table("key_provenance", sa.column("serial", Serial()), *columns, *moments)


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def _create_provenance() -> None:
    table = "key_provenance"
    op.create_table(
        table,
        sa.Column("serial", Serial(), autoincrement=False, nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("card_number", sa.String(length=10), nullable=False),
        sa.Column("slot", sa.String(length=2), nullable=False),
        sa.Column("key_type", sa.String(length=16), nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("chip_type", sa.String(length=40), nullable=False),
        sa.Column("body_batch", sa.String(length=16), nullable=False),
        sa.Column("office", sa.String(length=8), nullable=False),
        sa.Column("station", sa.String(length=32), nullable=True),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("superseded_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("key_type IN ('ec', 'rsa')", name=op.f("ck_key_provenance_key_type")),
        sa.CheckConstraint(
            "algorithm IN ('rsa2048', 'rsa3072', 'rsa4096', 'secp256r1', 'secp384r1')",
            name=op.f("ck_key_provenance_algorithm"),
        ),
        sa.CheckConstraint(
            "(key_type = 'rsa') = (algorithm IN ('rsa2048', 'rsa3072', 'rsa4096'))",
            name=op.f("ck_key_provenance_type_of_algorithm"),
        ),
        sa.CheckConstraint("origin IN ('card', 'imported')", name=op.f("ck_key_provenance_origin")),
        _reference(table, "card_number", "cards.card_number"),
        _reference(table, "body_batch", "stock_batches.id"),
        _reference(table, "office", "offices.code"),
        _reference(table, "station", "stations.id"),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_key_provenance")),
    )
    op.create_index(op.f("ix_key_provenance_card_number"), table, ["card_number"], unique=False)
    for column in _INDEXES:
        op.create_index(f"ix_key_provenance_{column}_made_at", table, [column, "made_at"], unique=False)
    op.create_index("ix_key_provenance_made_at", table, ["made_at"], unique=False)


def _create_actions() -> None:
    table = "mass_actions"
    op.create_table(
        table,
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("turn", sa.SmallInteger(), nullable=True),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("preview", sa.Text(), nullable=False),
        sa.Column("tolerance", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=150), nullable=False),
        sa.Column("proposed_by", sa.String(length=64), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_by", sa.String(length=64), nullable=True),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("lift_reason", sa.String(length=150), nullable=True),
        sa.Column("lift_proposed_by", sa.String(length=64), nullable=True),
        sa.Column("lift_proposed_at", UtcDateTime(), nullable=True),
        sa.Column("lift_confirmed_by", sa.String(length=64), nullable=True),
        sa.Column("lift_confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("keys", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("authority_number", sa.BigInteger(), nullable=True),
        sa.Column("moved_at", UtcDateTime(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        *_checks_of_actions(),
        *(
            _reference(table, f"{who}_by", "operators.username")
            for who in ("proposed", "confirmed", "lift_proposed", "lift_confirmed")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mass_actions")),
        sa.UniqueConstraint("turn", name=op.f("uq_mass_actions_turn")),
    )


def _checks_of_actions() -> list[sa.CheckConstraint]:
    checks = {
        "state": "state IN ('cancelled', 'confirmed', 'held', 'holding', 'lifted', 'lifting', 'proposed')",
        "two_people": "confirmed_by <> proposed_by",
        "confirmed": "(confirmed_by IS NULL) = (confirmed_at IS NULL)",
        "confirmed_first": "state IN ('proposed', 'cancelled') OR confirmed_by IS NOT NULL",
        "two_people_lift": "lift_confirmed_by <> lift_proposed_by",
        "lift_proposed_first": "lift_confirmed_by IS NULL OR lift_proposed_by IS NOT NULL",
        "lift_confirmed_first": "(state IN ('lifted', 'lifting')) = (lift_confirmed_by IS NOT NULL)",
        "lift_reason": "(lift_proposed_by IS NULL) = (lift_reason IS NULL)",
        "reason": "reason <> ''",
        "tolerance": "tolerance >= 0",
        "at_work": "(state IN ('holding', 'lifting')) = (turn IS NOT NULL)",
        "turn": "turn IS NULL OR turn = 1",
    }
    return [sa.CheckConstraint(text, name=op.f(f"ck_mass_actions_{name}")) for name, text in checks.items()]


def _create_items() -> None:
    table = "mass_items"
    op.create_table(
        table,
        sa.Column("action_id", sa.String(length=16), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("serial", Serial(), autoincrement=False, nullable=False),
        sa.Column("card_number", sa.String(length=10), nullable=False),
        sa.Column("slot", sa.String(length=2), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("why", sa.String(length=32), nullable=True),
        sa.CheckConstraint(
            "state IN ('ended', 'held', 'lifted', 'pending', 'rekeyed', 'skipped')",
            name=op.f("ck_mass_items_state"),
        ),
        sa.CheckConstraint(
            "state <> 'skipped' OR why IS NOT NULL", name=op.f("ck_mass_items_skipped_for_a_reason")
        ),
        _reference(table, "action_id", "mass_actions.id"),
        sa.PrimaryKeyConstraint("action_id", "issuer", "shard", "serial", name=op.f("pk_mass_items")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_mass_items_card_number", table, ["card_number"], unique=False)
    op.create_index("ix_mass_items_serial", table, ["serial"], unique=False)


def _create_parts() -> None:
    table = "mass_parts"
    op.create_table(
        table,
        sa.Column("action_id", sa.String(length=16), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("changed >= 0 AND skipped >= 0", name=op.f("ck_mass_parts_counts")),
        sa.CheckConstraint("phase IN ('hold', 'lift')", name=op.f("ck_mass_parts_phase")),
        _reference(table, "action_id", "mass_actions.id"),
        sa.PrimaryKeyConstraint("action_id", "round", "part", name=op.f("pk_mass_parts")),
    )
