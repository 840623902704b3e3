"""Merkle trees of RFC 9162, 2.1, free of storage: hashing, growing, proving and checking proofs.

A tree of n leaves is a row of complete subtrees, the largest first, one for each bit of n. A complete
subtree is a `Node`: `position` counts the nodes of its level from the left, leaves are level 0.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import NamedTuple

from pki.auditchain.errors import ProofError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()
"""The root of a tree without leaves (2.1.1)."""
BLOCK_LEVEL = 8
"""Nodes from this level on are stored, one for 128 entries all in all; what is below is hashed again."""
BLOCK = 1 << BLOCK_LEVEL
_LEAF = b"\x00"
_NODE = b"\x01"
_sha256 = hashlib.sha256


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf that holds `data` (2.1.1)."""
    return _sha256(_LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node above two others (2.1.1)."""
    return _sha256(_NODE + left + right).digest()


class Node(NamedTuple):
    """A complete subtree: leaves position·2^level to (position + 1)·2^level - 1."""

    level: int
    position: int

    @property
    def end(self) -> int:
        """One more than its last leaf."""
        return (self.position + 1) << self.level


class Span(NamedTuple):
    """Leaves `start` to `end` - 1, under one hash; `start` is aligned to the largest power of two in it."""

    start: int
    end: int


class Frontier:
    """A growing tree, of which only what is needed to go on is kept: O(log n), and a block of leaves."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """`size` is a multiple of BLOCK, `peaks` are its complete subtrees, the largest first."""
        if size % BLOCK or len(peaks) != size.bit_count():
            raise ValueError("a frontier begins after a whole block, with a hash for each bit of its size")
        self.size = size
        self._peaks = list(peaks)
        self._tail: list[bytes] = []

    def add(self, leaf: bytes) -> Sequence[tuple[Node, bytes]]:
        """Adds a leaf's hash; gives the nodes of BLOCK_LEVEL and above that it completes, lowest first."""
        self.size += 1
        self._tail.append(leaf)
        return self._close_block() if len(self._tail) == BLOCK else ()

    def root(self) -> bytes:
        """The hash of the whole tree as it is now."""
        return fold([*self._peaks, *peaks_of(self._tail)])

    def _close_block(self) -> list[tuple[Node, bytes]]:
        node, digest = Node(BLOCK_LEVEL, (self.size >> BLOCK_LEVEL) - 1), subtree_hash(self._tail)
        self._tail.clear()
        self._peaks.append(digest)
        completed = [(node, digest)]
        while node.position & 1:
            right = self._peaks.pop()
            node = Node(node.level + 1, node.position >> 1)
            self._peaks[-1] = node_hash(self._peaks[-1], right)
            completed.append((node, self._peaks[-1]))
        return completed


def subtree_hash(leaves: Sequence[bytes]) -> bytes:
    """The hash above 2^k leaves, given by their hashes."""
    while len(leaves) > 1:
        pairs = zip(leaves[::2], leaves[1::2], strict=True)
        leaves = [_sha256(_NODE + left + right).digest() for left, right in pairs]
    return leaves[0]


def peaks_of(leaves: Sequence[bytes]) -> list[bytes]:
    """The hashes of the complete subtrees over any number of leaves' hashes, the largest first."""
    return [
        subtree_hash(leaves[node.position << node.level : node.end])
        for node in nodes_of(Span(0, len(leaves)))
    ]


def fold(peaks: Sequence[bytes]) -> bytes:
    """The hash above complete subtrees that stand side by side, the largest first."""
    if not peaks:
        return EMPTY_ROOT
    *others, root = peaks
    for peak in reversed(others):
        root = node_hash(peak, root)
    return root


def nodes_of(span: Span) -> list[Node]:
    """The complete subtrees of a span, the largest first."""
    nodes, start = [], span.start
    while start < span.end:
        level = (span.end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def inclusion_spans(index: int, size: int) -> list[Span]:
    """What the inclusion proof of leaf `index` in a tree of `size` leaves hashes (2.1.3.1), in its order."""
    if not 0 <= index < size:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    spans, start, end = [], 0, size
    while end - start > 1:
        middle = start + _largest_power_below(end - start)
        if index < middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """What the consistency proof from `old` to `new` leaves hashes (2.1.4.1), in its order."""
    if not 0 < old <= new:
        raise ProofError(f"there is no consistency proof from {old} to {new} leaves")
    if old == new:
        return []
    spans, start, end = [], 0, new
    while end != old:
        middle = start + _largest_power_below(end - start)
        if old <= middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    if start > 0:  # the old tree's last complete part; the whole old tree is known to the verifier
        spans.append(Span(start, end))
    return spans[::-1]


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Checks that the leaf with hash `leaf` stands at `index` (2.1.3.2). Raises ProofError."""
    if not 0 <= index < size:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    require_hashes([leaf, root, *path])
    position, last, computed = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofError("the inclusion path is too long")
        if position & 1 or position == last:
            computed = node_hash(sibling, computed)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ProofError("the inclusion path is too short")
    _require(computed, root, "the inclusion path does not lead to the root")


def check_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Checks that the tree of `old` leaves is the beginning of that of `new` (2.1.4.2). Raises ProofError."""
    if not 0 < old <= new:
        raise ProofError(f"there is no consistency proof from {old} to {new} leaves")
    if old == new:
        if path:
            raise ProofError("the consistency path is too long")
        return _require(old_root, new_root, "two trees of one size differ")
    require_hashes([old_root, new_root, *path])
    if old.bit_count() == 1:  # a power of two: the old root itself is the first hash
        path = [old_root, *path]
    first, *others = path or [b""]
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_computed, new_computed = _climb(position, last, first, others)
    _require(old_computed, old_root, "the consistency path does not lead to the old root")
    return _require(new_computed, new_root, "the consistency path does not lead to the new root")


def _climb(position: int, last: int, first: bytes, others: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Both roots, from the node that the two trees share (2.1.4.2, steps 4 to 6)."""
    old = new = first
    for sibling in others:
        if last == 0:
            raise ProofError("the consistency path is too long")
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ProofError("the consistency path is too short")
    return old, new


def require_hashes(items: Sequence[bytes]) -> None:
    """Raises ProofError unless each is as long as a hash."""
    if any(len(item) != HASH_BYTES for item in items):
        raise ProofError(f"a hash has {HASH_BYTES} bytes")


def _require(computed: bytes, expected: bytes, otherwise: str) -> None:
    if not hmac.compare_digest(computed, expected):
        raise ProofError(otherwise)


def _largest_power_below(count: int) -> int:
    """The largest power of two smaller than `count`, which is at least 2 (`k` in 2.1.1)."""
    return 1 << ((count - 1).bit_length() - 1)
