"""A database that comes back from a copy, under whoever has it open."""

import contextlib
import sqlite3
from pathlib import Path

from sqlalchemy import Engine


def copy_of(engine: Engine, copy: Path) -> Path:
    """Writes a copy of an SQLite database as it is now."""
    _write(_file(engine), copy)
    return copy


def bring_back(engine: Engine, copy: Path) -> None:
    """Puts the copy in the database's place, in one step for all who read it."""
    _write(copy, _file(engine))


def _file(engine: Engine) -> Path:
    assert engine.url.database is not None
    return Path(engine.url.database)


def _write(source: Path, target: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(source)) as old,
        contextlib.closing(sqlite3.connect(target, timeout=30)) as new,
    ):
        old.backup(new)
