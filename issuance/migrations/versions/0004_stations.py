"""Reader stations, and the one-time codes by which they are taken in."""

import sqlalchemy as sa
from alembic import op

from pki.store.database import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_UNUSED = sa.text("used_at IS NULL")


def upgrade() -> None:
    _create_stations()
    _create_codes()


def downgrade() -> None:
    op.drop_table("station_codes")
    op.drop_table("stations")


def _create_stations() -> None:
    op.create_table(
        "stations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("office", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("enrolled_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("state IN ('enrolled', 'revoked', 'waiting')", name=op.f("ck_stations_state")),
        sa.CheckConstraint("state != 'enrolled' OR serial IS NOT NULL", name=op.f("ck_stations_enrolled")),
        sa.CheckConstraint("state != 'waiting' OR serial IS NULL", name=op.f("ck_stations_waiting")),
        sa.CheckConstraint("(state = 'revoked') = (ended_at IS NOT NULL)", name=op.f("ck_stations_ended")),
        sa.ForeignKeyConstraint(["created_by"], ["operators.username"], name=op.f("fk_stations_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stations")),
        sa.UniqueConstraint("serial", name=op.f("uq_stations_serial")),
    )
    op.create_index(op.f("ix_stations_office"), "stations", ["office"], unique=False)


def _create_codes() -> None:
    op.create_table(
        "station_codes",
        sa.Column("locator", sa.String(length=8), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("station_id", sa.String(length=32), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("tries_left >= 0", name=op.f("ck_station_codes_tries_left")),
        sa.ForeignKeyConstraint(["station_id"], ["stations.id"], name=op.f("fk_station_codes_station_id")),
        sa.ForeignKeyConstraint(
            ["created_by"], ["operators.username"], name=op.f("fk_station_codes_created_by")
        ),
        sa.PrimaryKeyConstraint("locator", name=op.f("pk_station_codes")),
    )
    op.create_index(op.f("ix_station_codes_station_id"), "station_codes", ["station_id"], unique=False)
    op.create_index(
        "uq_station_codes_unused",
        "station_codes",
        ["station_id"],
        unique=True,
        sqlite_where=_UNUSED,
        postgresql_where=_UNUSED,
    )
