"""The names that people bear, by which those one slip away are found (ADR 40)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection

from issuance.registry.namekeys import skeleton
from issuance.registry.nearnames import remains
from pki.store.encrypted import cipher_of

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_BATCH = 1000
_DIGEST = sa.String(32)


def upgrade() -> None:
    op.create_table(
        "name_keys",
        sa.Column("digest", _DIGEST, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_name_keys")),
    )
    op.create_table(
        "name_remains",
        sa.Column("remain", _DIGEST, nullable=False),
        sa.Column("digest", _DIGEST, nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["name_keys.digest"], name=op.f("fk_name_remains_digest")),
        sa.PrimaryKeyConstraint("remain", "digest", name=op.f("pk_name_remains")),
    )
    _fill(op.get_bind())


def downgrade() -> None:
    op.drop_table("name_remains")
    op.drop_table("name_keys")


def _fill(connection: Connection) -> None:
    """From the people who are there, each name once."""
    people = sa.table("citizens", *map(sa.column, ("national_code", "given_name", "surname")))
    query, done, last = sa.select(people).order_by(people.c.national_code), set[str](), ""
    while rows := connection.execute(query.where(people.c.national_code > last).limit(_BATCH)).all():
        cipher = cipher_of(connection.dialect, "citizens")
        names = {
            skeleton(cipher.decrypt(f"citizens.{column}", bytes(getattr(row, column))).decode())
            for row in rows
            for column in ("given_name", "surname")
        }
        _add(connection, names - done - {""})
        done |= names
        last = rows[-1].national_code


def _add(connection: Connection, names: set[str]) -> None:
    if not names:
        return
    cipher = cipher_of(connection.dialect, "name_keys")
    digests = {name: cipher.index("name_keys", name) for name in names}
    keys = [
        {"digest": digest, "key": cipher.encrypt("name_keys.key", name.encode())}
        for name, digest in digests.items()
    ]
    parts = [
        {"remain": cipher.index("name_remains", remain), "digest": digest}
        for name, digest in digests.items()
        for remain in remains(name)
    ]
    connection.execute(sa.table("name_keys", sa.column("digest"), sa.column("key")).insert(), keys)
    connection.execute(sa.table("name_remains", sa.column("remain"), sa.column("digest")).insert(), parts)
