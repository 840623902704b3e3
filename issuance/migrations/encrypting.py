"""Turning columns with rows into encrypted ones, and back, on both databases.

A migration is one transaction, so one that is cut short leaves everything as it was and is begun anew. Rows
go through memory in batches. Without people no key is asked for; otherwise NoCipherError is raised.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations
from sqlalchemy import Row

from issuance.migrations.altering import altered
from pki.store.encrypted import ColumnCipher, cipher_of, disguised_length

_BATCH = 1000

Types = Mapping[str, "sa.types.TypeEngine[Any]"]
"""Columns by name, with the type of their values in clear."""
Values = Mapping[str, Any]
Rewrite = Callable[[ColumnCipher, Values], Values]
"""The new values of a row, given its old ones."""


def encrypt(table: str, key: Sequence[str], columns: Types, replaced: Collection[str] = ()) -> None:
    """The columns become LargeBinary, and each value is encrypted; `key` is the table's primary key."""
    with altered(table, replaced) as batch:
        to_octets(batch, columns)
    rewrite(table, key, [*columns], lambda cipher, row: encrypted(cipher, table, row))


def decrypt(table: str, key: Sequence[str], columns: Types, replaced: Collection[str] = ()) -> None:
    """Undoes `encrypt`."""
    rewrite(table, key, [*columns], lambda cipher, row: decrypted(cipher, table, row, columns))
    with altered(table, replaced, _reflected(columns)) as batch:
        from_octets(batch, columns)


def to_octets(batch: BatchOperations, columns: Types) -> None:
    """Gives the columns the type LargeBinary; their values become the octets of what they were."""
    for name, kind in columns.items():
        using = name if isinstance(kind, sa.LargeBinary) else f"convert_to({name}::text, 'UTF8')"
        batch.alter_column(name, existing_type=kind, type_=sa.LargeBinary(), postgresql_using=using)


def from_octets(batch: BatchOperations, columns: Types) -> None:
    """Undoes `to_octets`."""
    dialect = op.get_bind().dialect
    for name, kind in columns.items():
        cast = f"convert_from({name}, 'UTF8')::{kind.compile(dialect)}"
        using = name if isinstance(kind, sa.LargeBinary) else cast
        batch.alter_column(name, existing_type=sa.LargeBinary(), type_=kind, postgresql_using=using)


def encrypted(cipher: ColumnCipher, table: str, row: Values) -> Values:
    """Each of the row's values, encrypted for its column."""
    return {
        name: None if value is None else cipher.encrypt(f"{table}.{name}", _octets(value))
        for name, value in row.items()
    }


def decrypted(cipher: ColumnCipher, table: str, row: Values, columns: Types) -> Values:
    """Undoes `encrypted`. SQLite gets a text where one belongs: its CAST makes a number of a date."""
    plain = {
        name: None if value is None else cipher.decrypt(f"{table}.{name}", bytes(value))
        for name, value in row.items()
    }
    texts = op.get_bind().dialect.name == "sqlite"
    return {
        name: value.decode() if texts and value is not None and not _is_binary(columns, name) else value
        for name, value in plain.items()
    }


def rewrite(
    table: str, key: Sequence[str], columns: Sequence[str], change: Rewrite, only: str | None = None
) -> None:
    """Gives each row new values, in the order of the primary key.

    Where the key itself changes, `only` is the condition for rows that have not changed yet.
    """
    reflected = sa.Table(table, sa.MetaData(), autoload_with=op.get_bind(), resolve_fks=False)
    place = sa.table(table, *(sa.column(column.name) for column in reflected.columns))  # values as they are
    keys = [place.c[name] for name in key]
    query = sa.select(*keys, *(place.c[name] for name in columns if name not in key)).order_by(*keys)
    if only is not None:
        query = query.where(sa.text(only))
    update = place.update().where(*(place.c[name] == sa.bindparam(f"key_{name}") for name in key))
    for batch in _batches(query, keys):
        cipher = cipher_of(op.get_bind().dialect, table)
        changed = []
        for row in batch:
            old = row._mapping  # noqa: SLF001 - SQLAlchemy's name for it is public
            new = change(cipher, {name: old[name] for name in columns})
            changed.append({**new, **{f"key_{name}": old[name] for name in key}})
        op.get_bind().execute(update, changed)


def _batches(query: sa.Select[Any], keys: Sequence[sa.ColumnElement[Any]]) -> Iterator[Sequence[Row[Any]]]:
    last: tuple[Any, ...] | None = None
    while True:
        after = query if last is None else query.where(sa.tuple_(*keys) > sa.tuple_(*map(sa.literal, last)))
        rows = op.get_bind().execute(after.limit(_BATCH)).all()
        if not rows:
            return
        yield rows
        last = tuple(rows[-1][: len(keys)])


def disguised(cipher: ColumnCipher, domain: str, code: str) -> str:
    """As `DisguisedText` keeps it."""
    return cipher.disguise(domain, code)


def widen(batch: BatchOperations, name: str, characters: int) -> None:
    """Makes room for a disguised text in the place of one of so many characters."""
    batch.alter_column(
        name, existing_type=sa.String(characters), type_=sa.String(disguised_length(characters))
    )


def narrow(batch: BatchOperations, name: str, characters: int) -> None:
    """Undoes `widen`."""
    batch.alter_column(
        name, existing_type=sa.String(disguised_length(characters)), type_=sa.String(characters)
    )


@contextmanager
def unreferenced(column: str, target: str, tables: Sequence[str]) -> Iterator[None]:
    """While this is open, `target` (`table.column`) may change under those that refer to it by `column`.

    SQLite checks no reference while it is migrated (`pki.store.database.migrate`).
    """
    if op.get_bind().dialect.name == "sqlite":
        yield
        return
    for table in tables:
        op.drop_constraint(op.f(f"fk_{table}_{column}"), table, type_="foreignkey")
    yield
    there, there_column = target.split(".")
    for table in tables:
        op.create_foreign_key(op.f(f"fk_{table}_{column}"), table, there, [column], [there_column])


def _octets(value: str | bytes | memoryview) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _is_binary(columns: Types, name: str) -> bool:
    return isinstance(columns[name], sa.LargeBinary)


def _reflected(columns: Types) -> "list[sa.Column[Any]]":
    """As the batch sees the columns: as what they become, so that it casts nothing."""
    if op.get_bind().dialect.name != "sqlite":
        return []
    return [sa.Column(name, kind) for name, kind in columns.items()]
