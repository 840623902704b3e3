"""The Merkle tree over a table's entries: its nodes kept in a table beside, grown by what was added.

A leaf is an entry's 32-byte chain hash (ADR 0010). Nodes above blocks of 256 entries are stored, so that
any root or proof reads the entries of two blocks and a few dozen nodes, however long the log is.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import LargeBinary, and_, func, insert, or_, select, type_coerce
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pki.auditchain.chain import CUT_OFF
from pki.auditchain.columns import AuditEntryColumns, CheckpointColumns, MerkleNodeColumns
from pki.auditchain.errors import AuditChainError, TreeError
from pki.auditchain.merkle import (
    BLOCK,
    BLOCK_LEVEL,
    HASH_BYTES,
    Frontier,
    Node,
    Span,
    fold,
    leaf_hash,
    nodes_of,
    subtree_hash,
)
from pki.auditchain.table import read_head
from pki.store.bulk import table_of

_BATCH = 1000


@dataclass(frozen=True)
class Record:
    """The tables of one service's record, in one database."""

    entries: type[AuditEntryColumns]
    nodes: type[MerkleNodeColumns]
    checkpoints: type[CheckpointColumns]


class StoredTree:
    """Reads hashes out of the tables; a block of entries that was read is kept for the next hash."""

    def __init__(self, session: Session, record: Record) -> None:
        self._session = session
        self._record = record
        self._blocks: dict[int, list[bytes]] = {}

    def stored_size(self) -> int:
        """How many entries the stored nodes reach over, a multiple of BLOCK."""
        nodes = self._record.nodes
        newest = select(func.max(nodes.position)).where(nodes.level == BLOCK_LEVEL)
        position = self._session.scalar(newest)
        if position is None:
            return 0
        if type(position) is not int:
            raise TreeError(BLOCK_LEVEL, 0, "was changed: a column holds another type")
        return (position + 1) * BLOCK

    def frontier(self) -> Frontier:
        """The tree at `stored_size`, ready to grow."""
        size = self.stored_size()
        hashes = self._hashes(nodes_of(Span(0, size)))
        return Frontier(size, list(hashes.values()))

    def root(self, size: int) -> bytes:
        """The root of the tree over the first `size` entries, all of which exist."""
        return self.spans([Span(0, size)])[0]

    def spans(self, spans: list[Span]) -> list[bytes]:
        """The hash over each span. Raises TreeError for a missing node, AuditChainError for an entry."""
        parts = [nodes_of(span) for span in spans]
        hashes = self._hashes([node for nodes in parts for node in nodes])
        return [fold([hashes[node] for node in nodes]) for nodes in parts]

    def _hashes(self, wanted: list[Node]) -> dict[Node, bytes]:
        """By node, in the order of `wanted`. What is too new to be stored is hashed from its entries."""
        stored = self._stored([node for node in wanted if node.level >= BLOCK_LEVEL])
        return {
            node: stored[node] if node.level >= BLOCK_LEVEL else self._from_entries(node) for node in wanted
        }

    def _stored(self, wanted: list[Node]) -> dict[Node, bytes]:
        found: dict[Node, bytes] = {}
        for start in range(0, len(wanted), _BATCH):
            found |= self._select(wanted[start : start + _BATCH])
        for node in wanted:
            if node not in found:
                raise TreeError(node.level, node.position, "is missing")
        return found

    def _select(self, wanted: list[Node]) -> dict[Node, bytes]:
        nodes = self._record.nodes
        levels: dict[int, list[int]] = {}
        for node in wanted:
            levels.setdefault(node.level, []).append(node.position)
        # One term a level, each found by the primary key.
        terms = [and_(nodes.level == level, nodes.position.in_(ps)) for level, ps in levels.items()]
        if not terms:
            return {}
        rows = self._session.execute(select(nodes.level, nodes.position, nodes.hash).where(or_(*terms)))
        found = {Node(row.level, row.position): row.hash for row in rows}
        for node, digest in found.items():
            if type(digest) is not bytes or len(digest) != HASH_BYTES:
                raise TreeError(node.level, node.position, "was changed: it holds no hash")
        return found

    def _from_entries(self, node: Node) -> bytes:
        block, first = divmod(node.position << node.level, BLOCK)
        if block not in self._blocks:
            self._blocks[block] = self._read_block(block)
        last = first + (1 << node.level)
        if len(self._blocks[block]) < last:
            raise AuditChainError(block * BLOCK + len(self._blocks[block]) + 1, "is missing")
        return subtree_hash(self._blocks[block][first:last])

    def _read_block(self, block: int) -> list[bytes]:
        """The newest block may not be full yet."""
        start = block * BLOCK
        end = read_head(self._session, self._record.entries).sequence
        return list(leaves(self._session, self._record, start, max(0, min(BLOCK, end - start))))


def grow(session: Session, record: Record, end: int) -> None:
    """Stores the nodes that are complete within the first `end` entries and that have not been stored yet.

    Part of the caller's transaction, and in its own turn (`queue_writers`): one tree grows once. The links
    of what is added are checked, their contents are not: `verify_record` does. Raises AuditChainError.
    """
    frontier = StoredTree(session, record).frontier()
    if end < frontier.size:
        raise AuditChainError(end + 1, CUT_OFF)
    completed: list[tuple[Node, bytes]] = []
    for leaf in leaves(session, record, frontier.size, end - frontier.size):
        completed.extend(frontier.add(leaf))
    if completed:
        _insert(session, record, completed)


def _insert(session: Session, record: Record, completed: list[tuple[Node, bytes]]) -> None:
    rows = [{"level": node.level, "position": node.position, "hash": digest} for node, digest in completed]
    try:
        session.execute(insert(table_of(record.nodes)), rows)
    except IntegrityError as error:
        level, position = completed[0][0]
        raise TreeError(level, position, "is missing, though nodes above it are stored") from error


def leaves(session: Session, record: Record, start: int, count: int) -> Iterator[bytes]:
    """The leaf hashes of `count` entries after the first `start`, streamed; their links are checked.

    Raises AuditChainError naming an entry that is missing or does not continue from the one before it.
    """
    entries, end = record.entries, start + count
    columns = (
        entries.sequence,
        type_coerce(entries.previous_hash, LargeBinary).label("previous_hash"),
        type_coerce(entries.hash, LargeBinary).label("hash"),
    )
    query = select(*columns).where(entries.sequence.between(start, end)).order_by(entries.sequence)
    due, previous = (1, bytes(HASH_BYTES)) if start == 0 else (start, None)
    with session.execute(query.execution_options(yield_per=_BATCH)) as rows:
        for sequence, before, digest in rows:
            if sequence != due:
                break
            if previous is not None and (before != previous or type(digest) is not bytes):
                raise AuditChainError(sequence, "does not continue from the entry before it")
            if sequence > start:
                yield leaf_hash(digest)
            due, previous = due + 1, digest
    if due <= end:
        raise AuditChainError(due, "is missing or out of order")
