"""What all three databases share: engine settings, column types, constraint names, migrations."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    String,
    column,
    create_engine,
    event,
    inspect,
    select,
    table,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from pki.errors import DatabaseUrlError, DatabaseVersionError, StoredValueError

_BUSY_TIMEOUT_MS = 15_000
_CACHE_KIB = 32_768
"""Of each connection. Serials and keys are random: with SQLite's own 2 MB a batch spills what it changes."""
_CHECKPOINT_PAGES = 4000
"""16 MB of log: a page that batch after batch changes is written to its place once for several of them."""

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Stable constraint names, so that migrations can name what they change."""

_REVISION = re.compile(r'^revision\b.*= "(\w+)"$', re.MULTILINE)
"""How a migration's file says which it is."""
_REVISIONS = table("alembic_version", column("version_num", String))
"""Where Alembic keeps the database's revision."""


def new_metadata() -> MetaData:
    """Metadata with Hoviat's constraint names; one per database."""
    return MetaData(naming_convention=NAMING_CONVENTION)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time. Naive times are refused; SQLite gives back what it lost, the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time reached the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def create_database_engine(url: str) -> Engine:
    """An engine for writing; on SQLite (WAL) writers queue at BEGIN IMMEDIATE and never fail midway.

    Raises DatabaseUrlError.
    """
    try:
        engine = create_engine(url, hide_parameters=True)  # no error repeats what was to be written
    except (ArgumentError, ImportError, ValueError):
        raise DatabaseUrlError from None  # their words repeat the URL, and with it a password
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    elif engine.dialect.driver == "psycopg":
        event.listen(engine, "connect", _prepare_psycopg)
    return engine


def read_only(engine: Engine) -> Engine:
    """The same database and pool for reading: on SQLite its transactions take no write lock."""
    return engine.execution_options(read_only=True)


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver must not open transactions of its own: _begin_sqlite does.
    raw: Any = connection
    raw.isolation_level = None
    # Only somebody else writes text that is no UTF-8: it is read as what equals nothing of ours.
    raw.text_factory = _shown_text
    cursor = raw.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",  # a commit survives a power cut
        "foreign_keys = ON",
        "recursive_triggers = ON",  # REPLACE fires DELETE triggers: append-only tables refuse it
        f"cache_size = -{_CACHE_KIB}",
        f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
        f"busy_timeout = {_BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_psycopg(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Octets and arrays go out in binary: as text, an array of a thousand keys takes five times as long.

    For a column's type, as in COPY, psycopg would choose a writer that looks for DB-API's Binary in Python.
    """
    from psycopg.adapt import PyFormat  # noqa: PLC0415 - not loaded where there is no PostgreSQL

    raw: Any = connection
    for kind in (bytes, list):
        raw.adapters.register_dumper(kind, raw.adapters.get_dumper(kind, PyFormat.BINARY))


def _shown_text(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")


def migrate(engine: Engine, migrations: Path) -> None:
    """Brings the database to the newest revision of the Alembic folder `migrations`.

    SQLite can't alter a table but by copying it: meanwhile references aren't checked, and all are before the
    commit (https://sqlite.org/lang_altertable.html, section 7). Raises StoredValueError if one leads nowhere,
    DatabaseVersionError for a revision that isn't in the folder.
    """
    if is_current(engine, migrations):
        return  # as at most starts: nobody waits for a write lock, and Alembic isn't loaded
    from alembic import command  # noqa: PLC0415 - a third of what a start imports
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(migrations))
    with engine.connect() as connection, _unchecked_references(connection), connection.begin():
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise DatabaseVersionError from error
        _check_references(connection)


def is_current(engine: Engine, migrations: Path) -> bool:
    """Whether the database is at the newest revision: then `migrate` would change nothing."""
    with read_only(engine).connect() as connection:
        if not inspect(connection).has_table(_REVISIONS.name):
            return False
        return list(connection.scalars(select(_REVISIONS.c.version_num))) == [newest_revision(migrations)]


@cache
def newest_revision(migrations: Path) -> str:
    """That of an Alembic folder of ours: one line of revisions, each file's name begins with its number.

    Raises FileNotFoundError for a folder that isn't one.
    """
    newest = max((migrations / "versions").glob("[0-9]*_*.py"), key=lambda path: path.name, default=None)
    said = newest and _REVISION.search(newest.read_text())
    if not said:
        raise FileNotFoundError(f"no revision in {migrations}")
    return said[1]


@contextmanager
def _unchecked_references(connection: Connection) -> Iterator[None]:
    if connection.dialect.name != "sqlite":
        yield
        return
    raw: Any = connection.connection.dbapi_connection
    raw.execute("PRAGMA foreign_keys = OFF")  # outside of a transaction: inside it does nothing
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys = ON")


def _check_references(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise StoredValueError(f"a reference of {broken[0]} to {broken[2]}")
