"""Whose turn it is to write: who waits for SQLite itself sleeps up to 100 ms between its tries."""

import fcntl
import os
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import URL

_PAUSE_SECONDS = 0.001
_PATIENCE_SECONDS = 15.0


def turn_of(url: URL) -> "Turn":
    """What a writer to this database holds while its transaction is open; to be entered again and again."""
    if url.get_backend_name() != "sqlite":
        return Turn()
    in_memory = url.database in {None, "", ":memory:"}
    return SqliteTurn(None if in_memory else Path(f"{url.database}-turn"))


class Turn(AbstractContextManager[None]):
    """Nobody waits here: the database has a queue of its own."""

    def __exit__(self, *_: object) -> None:
        """Passes it on."""

    def close(self) -> None:
        """Nobody enters any more."""


class SqliteTurn(Turn):
    """One holder among the threads of this process, and among all processes that know the file.

    It only orders those who come. A holder that hangs is waited for no longer than SQLite's own lock would
    be; then that lock decides.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._threads = threading.Lock()
        self._file: int | None = None

    def __enter__(self) -> None:
        """Waits for the turn. Raises OSError."""
        self._threads.acquire()
        try:
            self._wait_for_processes()
        except BaseException:
            self._threads.release()
            raise

    def __exit__(self, *_: object) -> None:
        """Passes it on."""
        try:
            if self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def close(self) -> None:
        """Forgets the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _wait_for_processes(self) -> None:
        if self._path is None:
            return
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        end = time.monotonic() + _PATIENCE_SECONDS
        while not _take(self._file) and time.monotonic() < end:
            time.sleep(_PAUSE_SECONDS)


def _take(file: int) -> bool:
    """Whether no other process has it. Locks of dead processes are gone with them."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
