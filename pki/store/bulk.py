"""Many rows at once through the driver's own `executemany`, which costs half of SQLAlchemy's."""

from collections.abc import Sequence
from functools import lru_cache
from typing import cast

from sqlalchemy import Dialect, Table
from sqlalchemy.orm import Session, class_mapper

_PLACEHOLDERS = {"qmark": "?", "format": "%s", "pyformat": "%s"}
"""By the driver's DB-API paramstyle; psycopg takes positions, too."""


def table_of(model: type[object]) -> Table:
    """The table behind a mapped class."""
    return cast(Table, class_mapper(model).local_table)


def insert_rows(
    session: Session, model: type[object], columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]
) -> None:
    """Inserts rows of the driver's own types, in the order of `columns`, in the caller's transaction."""
    if rows:
        connection = session.connection()
        statement = _insert(table_of(model), columns, connection.dialect)
        connection.exec_driver_sql(statement, list(rows))


@lru_cache(maxsize=64)
def _insert(table: Table, columns: tuple[str, ...], dialect: Dialect) -> str:
    values = ", ".join([_PLACEHOLDERS[dialect.paramstyle]] * len(columns))
    quote = dialect.identifier_preparer
    names = ", ".join(quote.quote(name) for name in columns)
    return f"INSERT INTO {quote.format_table(table)} ({names}) VALUES ({values})"  # noqa: S608 - our own names
