"""New registry databases at their newest revision: migrated once in a test process, then copied.

Migrating one takes a second of processor time, and the migrations have tests of their own.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from issuance.database import MIGRATIONS
from pki.store.database import create_database_engine, migrate
from tests.postgres import PostgresServer


def bring_up(url: str) -> None:
    """Migrates an empty database, and leaves no connection to it."""
    engine = create_database_engine(url)
    try:
        migrate(engine, MIGRATIONS)
    finally:
        engine.dispose()


@cache
def _content() -> bytes:
    with TemporaryDirectory(prefix="hoviat-registry-") as folder:
        path = Path(folder) / "registry.sqlite3"
        bring_up(f"sqlite:///{path}")
        return path.read_bytes()  # all of it: the log is merged when the last connection closes


def new_registry(path: Path) -> str:
    """Makes an SQLite file that has the registry's tables and nobody in them; SQLAlchemy's URL of it."""
    path.write_bytes(_content())
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_registry(postgres_server: PostgresServer) -> Iterator[str]:
    """SQLAlchemy's URL of a database on PostgreSQL that has the registry's tables and nobody in them."""
    with postgres_server.database(bring_up) as url:
        yield url
