"""Merkle trees: the reference implementation's numbers, every small size, and everything forged refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pki.auditchain.errors import ProofError
from pki.auditchain.merkle import (
    BLOCK,
    EMPTY_ROOT,
    Frontier,
    Node,
    Span,
    check_consistency,
    check_inclusion,
    consistency_spans,
    fold,
    inclusion_spans,
    leaf_hash,
    node_hash,
    nodes_of,
    peaks_of,
    subtree_hash,
)

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "pki_merkle.json").read_text("utf-8"))
EXHAUSTIVE = 70
LEAVES = [leaf_hash(bytes([number])) for number in range(EXHAUSTIVE)]


def root_of(leaves: list[bytes]) -> bytes:
    """The definition itself (2.1.1), recursive and slow."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(root_of(leaves[:split]), root_of(leaves[split:]))


ROOTS = [root_of(LEAVES[:size]) for size in range(EXHAUSTIVE + 1)]


def hashed(spans: list[Span]) -> list[bytes]:
    return [root_of(LEAVES[span.start : span.end]) for span in spans]


def unhex(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def named(rows: list[Any]) -> list[Any]:
    return [pytest.param(*row[1:], id=row[0]) for row in rows]


def test_hashes_of_the_reference_implementation() -> None:
    known = VECTORS["hashes"]
    assert EMPTY_ROOT.hex() == known["empty"]
    assert leaf_hash(b"").hex() == known["leaf of nothing"]
    assert leaf_hash(b"L123456").hex() == known["leaf of L123456"]
    assert node_hash(b"N123", b"N456").hex() == known["node of N123 and N456"]


def test_roots_of_the_reference_implementation() -> None:
    frontier = Frontier()
    roots = [frontier.root()]
    for leaf in unhex(VECTORS["leaves"]):
        frontier.add(leaf_hash(leaf))
        roots.append(frontier.root())
    assert [root.hex() for root in roots] == VECTORS["roots by size"]


@pytest.mark.parametrize(("index", "size", "leaf", "path", "root", "accepted"), named(VECTORS["inclusion"]))
def test_inclusion_proofs_of_the_reference_implementation(
    index: int, size: int, leaf: str, path: list[str], root: str, accepted: bool
) -> None:
    def check() -> None:
        check_inclusion(bytes.fromhex(leaf), index, size, unhex(path), bytes.fromhex(root))

    verdict(check, accepted=accepted)


@pytest.mark.parametrize(
    ("old", "new", "path", "old_root", "new_root", "accepted"), named(VECTORS["consistency"])
)
def test_consistency_proofs_of_the_reference_implementation(
    old: int, new: int, path: list[str], old_root: str, new_root: str, accepted: bool
) -> None:
    def check() -> None:
        check_consistency(old, new, unhex(path), bytes.fromhex(old_root), bytes.fromhex(new_root))

    verdict(check, accepted=accepted)


def verdict(check: Any, *, accepted: bool) -> None:
    if accepted:
        check()
    else:
        with pytest.raises(ProofError):
            check()


@pytest.mark.parametrize("size", range(1, EXHAUSTIVE + 1))
def test_every_leaf_of_every_small_tree_is_proven(size: int) -> None:
    for index in range(size):
        path = hashed(inclusion_spans(index, size))
        check_inclusion(LEAVES[index], index, size, path, ROOTS[size])
        for other in {0, index - 1, index + 1, size - 1} - {index}:
            with pytest.raises(ProofError):
                check_inclusion(LEAVES[index], other, size, path, ROOTS[size])


@pytest.mark.parametrize("new", range(1, EXHAUSTIVE + 1))
def test_every_beginning_of_every_small_tree_is_proven(new: int) -> None:
    for old in range(1, new + 1):
        path = hashed(consistency_spans(old, new))
        check_consistency(old, new, path, ROOTS[old], ROOTS[new])
        if old > 1:
            with pytest.raises(ProofError):
                check_consistency(old - 1, new, path, ROOTS[old], ROOTS[new])


SIZES = st.integers(1, EXHAUSTIVE)


@given(st.data())
def test_a_forged_inclusion_is_refused(data: st.DataObject) -> None:
    size = data.draw(SIZES)
    index = data.draw(st.integers(0, size - 1))
    path = hashed(inclusion_spans(index, size))
    forged, leaf, root = data.draw(forgeries(path, LEAVES[index], ROOTS[size]))
    with pytest.raises(ProofError):
        check_inclusion(leaf, index, size, forged, root)


@given(st.data())
def test_a_forged_consistency_is_refused(data: st.DataObject) -> None:
    new = data.draw(SIZES)
    old = data.draw(st.integers(1, new))
    path = hashed(consistency_spans(old, new))
    forged, old_root, new_root = data.draw(forgeries(path, ROOTS[old], ROOTS[new]))
    with pytest.raises(ProofError):
        check_consistency(old, new, forged, old_root, new_root)


@st.composite
def forgeries(
    draw: st.DrawFn, path: list[bytes], first: bytes, second: bytes
) -> tuple[list[bytes], bytes, bytes]:
    """One bit of anything turned over, or a hash taken out, put in or cut short."""
    path = list(path)
    kinds = ["first", "second", "insert"] + (["flip", "remove", "shorten"] if path else [])
    kind = draw(st.sampled_from(kinds))
    place = draw(st.integers(0, max(0, len(path) - 1)))
    if kind == "first":
        first = flipped(draw, first)
    elif kind == "second":
        second = flipped(draw, second)
    elif kind == "insert":
        path.insert(place, draw(st.sampled_from([first, second, EMPTY_ROOT, *path])))
    elif kind == "flip":
        path[place] = flipped(draw, path[place])
    elif kind == "remove":
        del path[place]
    else:
        path[place] = path[place][:-1]
    return path, first, second


def flipped(draw: st.DrawFn, digest: bytes) -> bytes:
    bit = draw(st.integers(0, 255))
    return (int.from_bytes(digest, "big") ^ (1 << bit)).to_bytes(32, "big")


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (0, 0), (1, 1), (5, 4)])
def test_there_is_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ProofError):
        inclusion_spans(index, size)
    with pytest.raises(ProofError):
        check_inclusion(LEAVES[0], index, size, [], LEAVES[0])


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 3), (4, 3), (-1, 3)])
def test_nothing_is_consistent_with_no_tree(old: int, new: int) -> None:
    with pytest.raises(ProofError):
        consistency_spans(old, new)
    with pytest.raises(ProofError):
        check_consistency(old, new, [], EMPTY_ROOT, EMPTY_ROOT)


@given(st.integers(0, 3 * BLOCK + 5))
def test_a_frontier_grows_as_the_definition_says(size: int) -> None:
    leaves = [leaf_hash(number.to_bytes(2, "big")) for number in range(size)]
    frontier = Frontier()
    completed: list[tuple[Node, bytes]] = []
    for leaf in leaves:
        completed += frontier.add(leaf)
    assert (frontier.size, frontier.root()) == (size, root_of(leaves))
    for node, digest in completed:
        assert digest == root_of(leaves[node.end - (1 << node.level) : node.end])


@given(blocks=st.integers(0, 9), more=st.integers(0, 2 * BLOCK))
def test_a_frontier_goes_on_where_another_ended(blocks: int, more: int) -> None:
    leaves = [leaf_hash(number.to_bytes(2, "big")) for number in range(blocks * BLOCK + more)]
    start = blocks * BLOCK
    frontier = Frontier(start, peaks_of(leaves[:start]))
    for leaf in leaves[start:]:
        frontier.add(leaf)
    assert frontier.root() == fold(peaks_of(leaves))


@pytest.mark.parametrize(("size", "peaks"), [(1, 1), (BLOCK, 0), (3 * BLOCK, 1)])
def test_a_frontier_needs_the_hashes_of_its_size(size: int, peaks: int) -> None:
    with pytest.raises(ValueError, match="frontier"):
        Frontier(size, [EMPTY_ROOT] * peaks)


@given(st.integers(0, 2**40))
def test_a_long_tree_is_a_row_of_few_subtrees(size: int) -> None:
    nodes = nodes_of(Span(0, size))
    assert len(nodes) == size.bit_count()
    assert [node.position << node.level for node in nodes] + [size] == [0] + [node.end for node in nodes]


def test_subtrees_are_hashed_level_by_level() -> None:
    assert subtree_hash(LEAVES[:64]) == ROOTS[64]
    assert nodes_of(Span(8, 11)) == [Node(1, 4), Node(0, 10)]
