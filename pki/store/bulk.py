"""Many rows at once by the shortest way that the database has: PostgreSQL COPY, SQLite lists of values."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, cast

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    LargeBinary,
    String,
    Table,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, class_mapper
from sqlalchemy.types import TypeEngine

from pki.store.columns import Serial, serial_octets

_PLACEHOLDERS = {"qmark": "?", "format": "%s", "pyformat": "%s"}
"""By the driver's DB-API paramstyle; psycopg takes positions, too."""
_COPY_FROM = 8
"""Rows. For fewer, an INSERT that the server has prepared costs less than the three messages of a COPY."""
_TOGETHER = 32
"""Rows. SQLite's driver keeps a prepared statement for each number of them."""


def table_of(model: type[object]) -> Table:
    """The table behind a mapped class."""
    return cast(Table, class_mapper(model).local_table)


def insert_rows(
    session: Session, model: type[object], columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]
) -> None:
    """Inserts rows of the driver's own types, in the order of `columns`, in the caller's transaction.

    Raises SQLAlchemy's DBAPIError (IntegrityError where a constraint refuses a row).
    """
    if not rows:
        return
    connection = session.connection()
    if connection.dialect.driver == "psycopg" and len(rows) >= _COPY_FROM:
        _copy(connection, table_of(model), columns, rows)
    elif connection.dialect.name == "sqlite":
        _insert_together(connection, table_of(model), columns, rows)
    else:
        statement = _insert(table_of(model), columns, connection.dialect)
        connection.exec_driver_sql(statement, rows[0] if len(rows) == 1 else list(rows))


def _insert_together(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]
) -> None:
    """Several rows a statement: after each, the driver waits for its turn among the process's threads."""
    for start in range(0, len(rows), _TOGETHER):
        part = rows[start : start + _TOGETHER]
        statement = _insert(table, columns, connection.dialect, len(part))
        connection.exec_driver_sql(statement, tuple(chain.from_iterable(part)))


def insert_values(
    session: Session, model: type[object], columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]
) -> None:
    """`insert_rows` for values of the columns' own types, a datetime or an enumeration for one."""
    dialect = session.connection().dialect
    steps = [
        (place, processor)
        for place, processor in enumerate(_processors(table_of(model), columns, dialect))
        if processor is not None
    ]
    bound = []
    for row in rows:
        values = list(row)
        for place, processor in steps:
            values[place] = processor(values[place])
        bound.append(tuple(values))
    insert_rows(session, model, columns, bound)


@lru_cache(maxsize=64)
def _processors(
    table: Table, columns: tuple[str, ...], dialect: Dialect
) -> tuple[Callable[[Any], Any] | None, ...]:
    """What SQLAlchemy does to each column's values before the driver gets them.

    Octets go as they are: COPY doesn't take the DB-API's wrapper around them.
    """
    types = [table.c[name].type for name in columns]
    return tuple(_processor(kind, dialect) for kind in types)


def _processor(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    if isinstance(kind, LargeBinary):
        return None
    if isinstance(kind, Serial):
        return serial_octets
    processor: Callable[[Any], Any] | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return processor


def dialect_of(session: Session) -> str:
    """`sqlite` or `postgresql`: what statements that are composed once for each are found by."""
    return session.get_bind().dialect.name


def among(dialect: str, column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Whether the column is one of the values, of which there may be a thousand, bound to `parameter`.

    PostgreSQL takes them as one array: a parameter for each costs psycopg a search for each in the statement.
    SQLite takes texts as one JSON text, so that the statement is the same, and prepared, for any number.
    """
    if dialect == "postgresql":
        return column == any_(bindparam(parameter, type_=ARRAY(column.type)))
    if isinstance(column.type, String):
        listed = func.json_each(bindparam(parameter, type_=JSON())).table_valued("value")
        return column.in_(select(listed.c.value))
    return column.in_(bindparam(parameter, expanding=True))


@lru_cache(maxsize=512)
def _insert(table: Table, columns: tuple[str, ...], dialect: Dialect, rows: int = 1) -> str:
    row = f"({', '.join([_PLACEHOLDERS[dialect.paramstyle]] * len(columns))})"
    values = ", ".join([row] * rows)
    return f"INSERT INTO {_target(table, columns, dialect)} VALUES {values}"  # noqa: S608 - our own names


def _copy(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]
) -> None:
    """Binary COPY: rows go in one stream, without a message and a plan for each."""
    driver: Any = connection.connection.driver_connection
    dialect: Any = connection.dialect
    statement = f"COPY {_target(table, columns, dialect)} FROM STDIN (FORMAT BINARY)"
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(_types(table, columns, dialect))
            for row in rows:
                copy.write_row(row)
    except dialect.dbapi.Error as error:
        raise DBAPIError.instance(
            statement, None, error, dialect.dbapi.Error, hide_parameters=True, dialect=dialect
        ) from error


@lru_cache(maxsize=64)
def _target(table: Table, columns: tuple[str, ...], dialect: Dialect) -> str:
    quote = dialect.identifier_preparer
    return f"{quote.format_table(table)} ({', '.join(quote.quote(name) for name in columns)})"


@lru_cache(maxsize=64)
def _types(table: Table, columns: tuple[str, ...], dialect: Dialect) -> list[str]:
    """PostgreSQL's names of the columns' types, without their lengths."""
    compiled = (table.c[name].type.compile(dialect) for name in columns)
    return [name.partition("(")[0].lower() for name in compiled]
