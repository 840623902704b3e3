"""One publisher at a time for each scope: among threads, processes and replicas."""

import fcntl
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine, func, select

_LOCK_FOLDER = "locks"
_SPACE = "pki.crl"
_AT_ONCE = 4
"""Publications at the same time in one process: each holds three database connections at most."""


class PublicationLocks:
    """Locks by name, given back when the holder ends, even by a kill.

    PostgreSQL's advisory locks hold for all replicas; SQLite is used on one machine, where files do.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder / _LOCK_FOLDER
        self._threads: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._room = threading.BoundedSemaphore(_AT_ONCE)

    @contextmanager
    def hold(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """True inside if this caller holds the lock; False if another does and `wait` is False."""
        with ExitStack() as stack:
            yield self._take(stack, name, wait=wait)

    def _take(self, stack: ExitStack, name: str, *, wait: bool) -> bool:
        lock = self._threads[name]
        if not lock.acquire(blocking=wait):
            return False
        stack.callback(lock.release)
        if self._engine.dialect.name == "postgresql":
            self._room.acquire()
            stack.callback(self._room.release)
            return self._take_advisory(stack, name, wait=wait)
        return self._take_file(stack, name, wait=wait)

    def _take_advisory(self, stack: ExitStack, name: str, *, wait: bool) -> bool:
        # The connection's own transaction holds it: nothing else is read or written there.
        connection = stack.enter_context(self._engine.connect())
        stack.enter_context(connection.begin())
        key = func.hashtextextended(f"{_SPACE}.{name}", 0)
        if wait:
            connection.execute(select(func.pg_advisory_xact_lock(key)))
            return True
        return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(key))))

    def _take_file(self, stack: ExitStack, name: str, *, wait: bool) -> bool:
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        stack.callback(os.close, descriptor)
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return True
        return False
