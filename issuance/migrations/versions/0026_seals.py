"""What a card is made by is sealed: values of other rows don't go in its place (ADR 46)."""

import hashlib

import sqlalchemy as sa

from issuance.migrations.altering import altered
from issuance.migrations.encrypting import Values, rewrite
from pki.store.encrypted import ColumnCipher

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_CODE = "national_code"
_CITIZEN = (
    *("given_name", "surname", "father_name", "latin_given_name", "latin_surname", "birth_date"),
    *("birth_precision", "sex"),
)
_PLAIN = "birth_precision"
_LATIN = ("latin_given_name", "latin_surname")


def upgrade() -> None:
    for table in ("citizens", "applications"):
        with altered(table) as rows:
            rows.add_column(sa.Column("seal", sa.String(length=64), server_default="", nullable=False))
    rewrite("citizens", [_CODE], [_CODE, *_CITIZEN], _sealed_citizen)
    rewrite("applications", ["id"], ["id", _CODE, *_LATIN, "portrait"], _sealed_application)
    for table in ("citizens", "applications"):
        with altered(table) as rows:
            rows.alter_column("seal", existing_type=sa.String(length=64), server_default=None)


def downgrade() -> None:
    for table in ("citizens", "applications"):
        with altered(table) as rows:
            rows.drop_column("seal")


def _sealed_citizen(cipher: ColumnCipher, row: Values) -> Values:
    values = [
        row[name].encode() if name == _PLAIN else _read(cipher, "citizens", row, name) for name in _CITIZEN
    ]
    return {"seal": cipher.seal("citizens", [cipher.reveal(_CODE, row[_CODE]).encode(), *values])}


def _sealed_application(cipher: ColumnCipher, row: Values) -> Values:
    portrait = _read(cipher, "applications", row, "portrait")
    values = [row["id"].encode(), cipher.reveal(_CODE, row[_CODE]).encode()]
    values += [_read(cipher, "applications", row, name) for name in _LATIN]
    return {"seal": cipher.seal("applications", [*values, hashlib.sha256(portrait).digest()])}


def _read(cipher: ColumnCipher, table: str, row: Values, name: str) -> bytes:
    return cipher.decrypt(f"{table}.{name}", bytes(row[name]))
