"""Accounts, their changes and second factors are sealed (ADR 48): those that are there, as they are."""

from collections.abc import Sequence

import sqlalchemy as sa

from issuance.migrations.altering import altered
from issuance.migrations.encrypting import Values, rewrite
from pki.store.encrypted import ColumnCipher

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_SEAL_LENGTH = 64
_SEALED = {
    "operators": ("username", "role", "office", "state", "password_hash", "change_id", "change_confirmed_by"),
    "operator_changes": (
        *("id", "kind", "username", "role", "office", "state", "based_on"),
        *("proposed_by", "confirmed_by"),
    ),
    "operator_totps": ("id", "username", "secret"),
}
"""By table, the primary key first."""
_ENCRYPTED = {("operators", "password_hash"), ("operator_totps", "secret")}
_ONLY = {"operator_totps": "reset_id IS NULL"}
"""What has ended isn't looked at."""


def upgrade() -> None:
    kind = sa.String(length=_SEAL_LENGTH)
    for table, columns in _SEALED.items():
        with altered(table) as rows:
            rows.add_column(sa.Column("seal", kind, server_default="", nullable=False))
        _seal(table, columns)
        with altered(table) as rows:
            rows.alter_column("seal", existing_type=kind, server_default=None)


def downgrade() -> None:
    for table in reversed(_SEALED):
        with altered(table) as rows:
            rows.drop_column("seal")


def _seal(table: str, columns: Sequence[str]) -> None:
    def sealed(cipher: ColumnCipher, row: Values) -> Values:
        values = (_octets(cipher, table, name, row[name]) for name in columns)
        return {"seal": cipher.seal(table, values)}

    rewrite(table, columns[:1], columns, sealed, only=_ONLY.get(table))


def _octets(cipher: ColumnCipher, table: str, name: str, value: object) -> bytes:
    if isinstance(value, bytes | memoryview) and (table, name) in _ENCRYPTED:
        return cipher.decrypt(f"{table}.{name}", bytes(value))
    return str(value).encode()
