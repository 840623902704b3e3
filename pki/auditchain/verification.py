"""The check of a whole record in one pass: links, tree, checkpoints. It streams: memory stays flat."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from pki.auditchain.chain import CUT_OFF, EMPTY, AuditEntry, Head, follow, require_noted, require_reached
from pki.auditchain.checkpoints import StoredCheckpoint, all_checkpoints
from pki.auditchain.errors import AuditChainError, ShorterLogError, TreeError
from pki.auditchain.merkle import BLOCK, BLOCK_LEVEL, Frontier, Node, leaf_hash
from pki.auditchain.note import Checkpoint, CheckpointKey
from pki.auditchain.table import StoredEntry, stored
from pki.auditchain.tree import Record, StoredTree
from pki.store.database import read_only

_COMPARED_AT_ONCE = 1024
"""Computed nodes that are held before they are compared with the stored ones."""


@dataclass(frozen=True)
class Expectations:
    """What is known from elsewhere, and must still hold."""

    head: Head | None = None
    """An end noted earlier."""
    checkpoints: tuple[Checkpoint, ...] = ()
    """Checkpoints noted earlier."""
    keys: tuple[CheckpointKey, ...] = ()
    """Whose signatures count. Without any, the checkpoints' roots are checked, but no signature."""


def snapshot(engine: Engine) -> Engine:
    """For reading one state of a record, whatever is added meanwhile."""
    reading = read_only(engine)  # SQLite's transactions see one state anyway
    postgresql = engine.dialect.name == "postgresql"
    return reading.execution_options(isolation_level="REPEATABLE READ") if postgresql else reading


NOTHING_EXPECTED = Expectations()


@dataclass(frozen=True)
class Verified:
    """What a whole record is, now that it has been checked."""

    head: Head
    root: bytes
    checkpoints: int
    """How many are stored."""
    covered: int
    """How many entries the newest of them covers."""
    checkpoint_time: datetime | None
    """When that one was made, as its row says; None: there is none."""


Watch: TypeAlias = Callable[[Iterable[StoredEntry]], Iterable[StoredEntry]]
"""Looks at entries as they pass."""


def verify_record(
    session: Session,
    record: Record,
    expected: Expectations = NOTHING_EXPECTED,
    watch: Watch | None = None,
) -> Verified:
    """Checks everything in the caller's transaction, on a `snapshot`.

    `watch` sees each entry before it is checked: what it learns counts when this returns.
    Raises AuditChainError, TreeError or CheckpointError, naming the first place at which it shows.
    """
    kept, entries = all_checkpoints(session, record), stored(session, record.entries)
    with closing(kept), closing(entries):
        seen = entries if watch is None else watch(entries)
        return _verify(seen, _StoredNodes(session, record), _Checkpoints(kept, expected), expected.head)


def _verify(
    entries: Iterable[AuditEntry], nodes: "_StoredNodes", checkpoints: "_Checkpoints", noted: Head | None
) -> Verified:
    frontier, head = Frontier(), EMPTY
    checkpoints.compare(frontier)
    for entry in entries:
        head = follow(head, entry)
        require_noted(head, noted)
        nodes.take(frontier.add(leaf_hash(bytes.fromhex(entry.hash))))
        checkpoints.compare(frontier)
    require_reached(head, noted)
    nodes.end(head)
    checkpoints.end(head, nodes.reach)
    return Verified(head, frontier.root(), checkpoints.stored, checkpoints.covered, checkpoints.newest_time)


class _StoredNodes:
    """Compares the nodes that are stored with those that the entries make."""

    def __init__(self, session: Session, record: Record) -> None:
        self._session = session
        self._table = record.nodes
        self._computed: list[tuple[Node, bytes]] = []
        self.reach = StoredTree(session, record).stored_size()
        """How many entries the stored nodes cover."""

    def take(self, completed: Iterable[tuple[Node, bytes]]) -> None:
        self._computed += [(node, digest) for node, digest in completed if node.end <= self.reach]
        if len(self._computed) >= _COMPARED_AT_ONCE:
            self._compare()

    def end(self, head: Head) -> None:
        if head.sequence < self.reach:
            raise AuditChainError(head.sequence + 1, CUT_OFF)
        self._compare()
        count = select(self._table.level, func.count()).group_by(self._table.level)
        for level, found in self._session.execute(count.order_by(self._table.level)):
            due = self.reach >> level if level >= BLOCK_LEVEL else 0
            if found != due:  # all that are due were found above
                raise TreeError(level, due, "is superfluous")

    def _compare(self) -> None:
        for level in sorted({node.level for node, _ in self._computed}):
            computed = {node.position: digest for node, digest in self._computed if node.level == level}
            found = self._select(level, min(computed), max(computed))
            for position, digest in computed.items():
                if found.get(position) != digest:
                    raise TreeError(level, position, "is missing, or not the hash of what is below it")
        self._computed.clear()

    def _select(self, level: int, first: int, last: int) -> dict[int, bytes]:
        table = self._table
        rows = select(table.position, table.hash).where(
            table.level == level, table.position.between(first, last)
        )
        return {row.position: row.hash for row in self._session.execute(rows)}


class _Checkpoints:
    """Compares roots with checkpoints, stored ones and those noted elsewhere, in the order of their sizes."""

    def __init__(self, kept: Iterable[StoredCheckpoint], expected: Expectations) -> None:
        self._keys = expected.keys
        self.stored = 0
        self.covered = 0
        self.newest_time: datetime | None = None
        noted = sorted(expected.checkpoints, key=_size)
        self._coming = heapq.merge(self._counted(kept), noted, key=_size)
        self._due = next(self._coming, None)

    def compare(self, frontier: Frontier) -> None:
        while self._due is not None and self._due.size == frontier.size:
            if self._keys:
                self._due.verify(self._keys)
            self._due.require_root(frontier.root())
            self._due = next(self._coming, None)

    def end(self, head: Head, reach: int) -> None:
        if self._due is not None:
            if self._keys:
                self._due.verify(self._keys)
            raise ShorterLogError(head.sequence, self._due.size)
        if reach < self.covered - self.covered % BLOCK:
            raise TreeError(BLOCK_LEVEL, reach >> BLOCK_LEVEL, "is missing")

    def _counted(self, kept: Iterable[StoredCheckpoint]) -> Iterator[Checkpoint]:
        for item in kept:
            self.stored += 1
            self.covered = item.checkpoint.size
            self.newest_time = item.time
            yield item.checkpoint


def _size(checkpoint: Checkpoint) -> int:
    return checkpoint.size
