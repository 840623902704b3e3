"""Entries sorted by certificate on disk: memory stays flat however long the log is."""

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_AT_ONCE = 10_000
_CACHE_KIBIBYTES = 32 * 1024


class Line(NamedTuple):
    """What one entry says of one certificate."""

    serial: bytes
    sequence: int
    seconds: int
    """The entry's time, whole seconds since 1970."""
    action: str
    details: str
    """JSON; of a mass action its number."""


class Spool:
    """Takes lines in the order of the log, and gives them back in that of serials."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting: list[Line] = []

    def add(self, line: Line) -> None:
        """Keeps a line."""
        self._waiting.append(line)
        if len(self._waiting) >= _AT_ONCE:
            self._write()

    def extend(self, lines: Iterable[Line]) -> None:
        """Keeps lines, one after the other."""
        for line in lines:
            self.add(line)

    def sorted(self) -> Iterator[Line]:
        """Every line, by serial and then in the order of the log."""
        self._write()
        query = "SELECT serial, sequence, seconds, action, details FROM lines ORDER BY serial, sequence"
        return map(Line._make, self._connection.execute(query))

    def _write(self) -> None:
        self._connection.executemany("INSERT INTO lines VALUES (?, ?, ?, ?, ?)", self._waiting)
        self._waiting.clear()


@contextmanager
def open_spool() -> Iterator[Spool]:
    """In a temporary folder (TMPDIR), which needs some 300 bytes an entry and is removed with the block."""
    with tempfile.TemporaryDirectory(prefix="hoviat-audit-") as folder:
        connection = sqlite3.connect(Path(folder) / "lines.sqlite3", isolation_level=None)
        try:
            for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KIBIBYTES}"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute(
                "CREATE TABLE lines (serial BLOB, sequence INT, seconds INT, action TEXT, details TEXT)"
            )
            connection.execute("BEGIN")
            yield Spool(connection)
        finally:
            connection.close()
