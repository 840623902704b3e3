"""Renewals are sealed (ADR 48): those that are open, as they are."""

from datetime import UTC, datetime

import sqlalchemy as sa

from issuance.migrations.altering import altered
from issuance.migrations.encrypting import Values, rewrite
from pki.store.encrypted import ColumnCipher

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_TABLE = "renewals"
_SEAL = sa.String(length=64)
_SEALED = ("id", "card_number", "profile", "state", "csr", "ends_at", "serial", "started_by")
_OPEN = "state IN ('begun', 'requested')"


def upgrade() -> None:
    with altered(_TABLE) as rows:
        rows.add_column(sa.Column("seal", _SEAL, server_default="", nullable=False))
    rewrite(_TABLE, ["id"], _SEALED, _sealed, only=_OPEN)
    with altered(_TABLE) as rows:
        rows.alter_column("seal", existing_type=_SEAL, server_default=None)


def downgrade() -> None:
    with altered(_TABLE) as rows:
        rows.drop_column("seal")


def _sealed(cipher: ColumnCipher, row: Values) -> Values:
    moment = row["ends_at"]
    if isinstance(moment, str):  # as SQLite keeps it
        moment = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    if moment is not None:
        moment = moment.astimezone(UTC).isoformat()
    values = {**row, "ends_at": moment}
    return {"seal": cipher.seal(_TABLE, [_octets(values[name]) for name in _SEALED])}


def _octets(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
