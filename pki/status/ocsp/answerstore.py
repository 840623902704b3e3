"""Ready answers on disk, shared by the processes of one machine (LMDB: readers never wait).

The store remembers up to which status version it is right, per CA (its mark). A change of status removes
answers and moves the mark in one transaction; an answer enters only after it was held against the mark, also
in one transaction. So however processes race or die, an answer that a change has outdated is not in store
once the mark has passed the change. It also remembers the end of the audit chain of which anything in it
tells, so a database that was brought back from a copy is noticed. Deleting the folder loses nothing but the
work of signing again.
"""

import os
import struct
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import lmdb

from pki.auditchain.chain import Head
from pki.status.ocsp.forms import FORM_ID_BYTES
from pki.store.columns import SERIAL_OCTETS

KEY_BYTES = FORM_ID_BYTES + SERIAL_OCTETS
_MAP_SIZE = 1 << 35
"""Address space, not disk: 32 GiB are far more than a nation's answers."""
_READERS = 512
_OWNER_ONLY_FOLDER = 0o700
_OWNER_ONLY_FILE = 0o600
_MARK = struct.Struct(">QQ")
_HEAD = struct.Struct(">Q32s")
_ANSWERS, _MARKS, _HEADS = b"answers", b"marks", b"heads"
_NEWEST = b"newest"

ChangesSince = dict[bytes, int] | None
"""Serials (16 octets) with the version at which each changed; None: too many to name."""


@dataclass(frozen=True)
class Mark:
    """How far the store has followed a CA's status."""

    position: int
    """Every change up to this version is accounted for."""
    floor: int
    """Answers made before this version count no more: so much changed that they were not looked up."""


class AnswerStore:
    """One LMDB environment. Any thread of any process may use it at any time; raises lmdb.Error."""

    def __init__(self, folder: Path) -> None:
        """Opened at first use."""
        self._folder = folder
        self._lock = threading.Lock()
        self._environment: lmdb.Environment | None = None

    def get(self, key: bytes) -> bytes | None:
        """The record under a key."""
        environment = self._environment or self._open()
        with environment.begin() as transaction:
            return transaction.get(key, db=self._answers)

    def reader(self) -> "StoreReader":
        """For one thread that looks up very much."""
        return StoreReader(self)

    def snapshot(self) -> "lmdb.Transaction":
        """A reading transaction; whoever takes it ends it."""
        return (self._environment or self._open()).begin(db=None)

    def marks(self) -> dict[str, Mark]:
        """Every CA's mark."""
        with self._begin() as transaction, transaction.cursor(self._marks) as cursor:
            return {bytes(name).decode(): Mark(*_MARK.unpack(value)) for name, value in cursor}

    def head(self) -> Head | None:
        """The newest end of the audit chain that anything here depends on; None: nothing is known."""
        with self._begin() as transaction:
            return self._head(transaction)

    def note(self, head: Head) -> None:
        """What is here depends on this end of the chain, too."""
        with self._begin(write=True) as transaction:
            self._note(transaction, head)

    def count(self) -> int:
        """How many answers are kept."""
        with self._begin() as transaction:
            return int(transaction.stat(self._answers)["entries"])

    def advance(
        self, issuer: str, position: int, form_ids: Iterable[bytes], changes: ChangesSince, head: Head
    ) -> None:
        """Removes what changed and moves the mark to `position`, unless another process was faster.

        `head` is the chain's end when that was read, or a later one.
        """
        with self._begin(write=True) as transaction:
            self._note(transaction, head)
            mark = self._mark(transaction, issuer)
            if mark is not None and mark.position >= position:
                return
            floor = position if mark is None or changes is None else mark.floor
            for form_id in form_ids:
                for serial in changes or ():
                    transaction.delete(form_id + serial, db=self._answers)
            transaction.put(issuer.encode(), _MARK.pack(position, floor), db=self._marks)

    @contextmanager
    def adding(self) -> "Iterator[Adding]":
        """A transaction in which answers enter; marks stand still meanwhile."""
        with self._begin(write=True) as transaction:
            yield Adding(self, transaction)

    def after(self, key: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Keys and records in their order, beginning behind `key`."""
        found: list[tuple[bytes, bytes]] = []
        with self._begin() as transaction, transaction.cursor(self._answers) as cursor:
            if not cursor.set_range(key + b"\0"):
                return found
            for item in cursor:
                if len(found) == limit:
                    break
                found.append((bytes(item[0]), bytes(item[1])))
        return found

    def remove(self, keys: Iterable[bytes]) -> None:
        """Forgets answers."""
        with self._begin(write=True) as transaction:
            for key in keys:
                transaction.delete(key, db=self._answers)

    def clear(self) -> None:
        """Forgets everything, marks too."""
        with self._begin(write=True) as transaction:
            transaction.drop(self._heads, delete=False)
            transaction.drop(self._answers, delete=False)
            transaction.drop(self._marks, delete=False)

    def close(self) -> None:
        """Closes the files; the next use opens them again."""
        with self._lock:
            if self._environment is not None:
                self._environment = None
                _SHARED.release(self._folder)

    @contextmanager
    def _begin(self, *, write: bool = False) -> "Iterator[lmdb.Transaction]":
        environment = self._environment or self._open()
        with environment.begin(write=write) as transaction:
            yield transaction

    def _open(self) -> "lmdb.Environment":
        with self._lock:
            if self._environment is None:
                environment = _SHARED.acquire(self._folder)
                self._answers = environment.open_db(_ANSWERS)
                self._marks = environment.open_db(_MARKS)
                self._heads = environment.open_db(_HEADS)
                self._environment = environment
            return self._environment

    def _mark(self, transaction: "lmdb.Transaction", issuer: str) -> Mark | None:
        value = transaction.get(issuer.encode(), db=self._marks)
        return None if value is None else Mark(*_MARK.unpack(value))

    def _head(self, transaction: "lmdb.Transaction") -> Head | None:
        value = transaction.get(_NEWEST, db=self._heads)
        if value is None:
            return None
        sequence, digest = _HEAD.unpack(value)
        return Head(sequence, digest.hex())

    def _note(self, transaction: "lmdb.Transaction", head: Head) -> None:
        known = self._head(transaction)
        if known is None or known.sequence < head.sequence:
            value = _HEAD.pack(head.sequence, bytes.fromhex(head.hash))
            transaction.put(_NEWEST, value, db=self._heads)


class StoreReader:
    """Looks up in a snapshot of the store that it keeps for a while: beginning one costs more than a look."""

    def __init__(self, store: AnswerStore) -> None:
        self._store = store
        self._transaction: lmdb.Transaction | None = None

    def get(self, key: bytes) -> bytes | None:
        """The record under a key, in the present snapshot."""
        if self._transaction is None:
            self._transaction = self._store.snapshot()
        try:
            record = self._transaction.get(key, db=self._store._answers)  # noqa: SLF001 - two halves of one store
        except lmdb.Error:
            self._transaction = None
            raise
        return None if record is None else bytes(record)

    def renew(self) -> None:
        """Looks at the store as it is now, from the next `get` on."""
        self.release()

    def release(self) -> None:
        """Gives the snapshot back: the store reuses no space that one still sees."""
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            with suppress(lmdb.Error):
                transaction.abort()


class Adding:
    """An open transaction that adds answers."""

    def __init__(self, store: AnswerStore, transaction: "lmdb.Transaction") -> None:
        self._store = store
        self._transaction = transaction

    def mark(self, issuer: str) -> Mark | None:
        """The CA's mark, which does not move before this transaction's end."""
        return self._store._mark(self._transaction, issuer)  # noqa: SLF001 - two halves of one store

    def head(self) -> Head | None:
        """The store's end of the audit chain, which does not change either."""
        return self._store._head(self._transaction)  # noqa: SLF001

    def put(self, records: Mapping[bytes, bytes], head: Head) -> None:
        """Adds or replaces records that were made of what the chain with this end tells."""
        self._store._note(self._transaction, head)  # noqa: SLF001
        for key in sorted(records):
            self._transaction.put(key, records[key], db=self._store._answers)  # noqa: SLF001


class _SharedEnvironments:
    """LMDB allows one environment per file and process; several stores of one folder share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[int, Path], tuple[lmdb.Environment, int]] = {}

    def acquire(self, folder: Path) -> "lmdb.Environment":
        key = (os.getpid(), folder)
        with self._lock:
            environment, users = self._open.get(key, (None, 0))
            if environment is None:
                folder.mkdir(_OWNER_ONLY_FOLDER, exist_ok=True)
                environment = lmdb.open(
                    str(folder),
                    map_size=_MAP_SIZE,
                    max_dbs=3,
                    max_readers=_READERS,
                    mode=_OWNER_ONLY_FILE,
                    metasync=False,  # a power cut undoes whole transactions: answers and mark together
                    readahead=False,  # answers are asked for in no order
                )
                environment.reader_check()  # gives back what killed processes held
            self._open[key] = (environment, users + 1)
            return environment

    def release(self, folder: Path) -> None:
        key = (os.getpid(), folder)
        with self._lock:
            environment, users = self._open.pop(key)
            if users > 1:
                self._open[key] = (environment, users - 1)
            else:
                environment.close()


_SHARED = _SharedEnvironments()
