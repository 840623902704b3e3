"""Certificate policies along a path (RFC 5280 §6.1.2 to §6.1.5), as the graph of RFC 9618 instead of a tree.

A level holds one node for each policy, with edges to all its parents; so what the tree multiplies with
each mapping, the graph only adds. Nodes never change: a level can be shared by every path that goes on
from it. Nodes without children are not pruned but simply not reached from below.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pki.oids import ANY_POLICY


@dataclass(frozen=True, slots=True, eq=False)
class PolicyNode:
    """One policy at one depth."""

    policy: str
    expected: frozenset[str]
    """What the next certificate may call it: expected_policy_set."""
    parents: tuple["PolicyNode", ...]


Level: TypeAlias = Mapping[str, PolicyNode]
"""The nodes of one depth by their policy; empty: valid_policy_tree is NULL."""

ROOT_LEVEL: Level = {ANY_POLICY: PolicyNode(ANY_POLICY, frozenset({ANY_POLICY}), ())}
"""§6.1.2 (a)."""


def descend(level: Level, policies: frozenset[str] | None, *, any_allowed: bool) -> Level:
    """§6.1.3 (d), (e): the level of the next certificate, which carries `policies` (None: no extension)."""
    if policies is None or not level:
        return {}
    expecting = _by_expectation(level)
    below = {
        policy: _node(policy, parents)
        for policy in policies - {ANY_POLICY}
        if (parents := expecting.get(policy) or expecting.get(ANY_POLICY))
    }
    if any_allowed and ANY_POLICY in policies:
        for policy, parents in expecting.items():
            below.setdefault(policy, _node(policy, parents))
    return below


def _node(policy: str, parents: Iterable[PolicyNode]) -> PolicyNode:
    return PolicyNode(policy, frozenset({policy}), tuple(parents))


def _by_expectation(level: Level) -> dict[str, list[PolicyNode]]:
    found: dict[str, list[PolicyNode]] = {}
    for node in level.values():
        for policy in node.expected:
            found.setdefault(policy, []).append(node)
    return found


def apply_mappings(level: Level, mappings: Iterable[tuple[str, str]], *, allowed: bool) -> Level:
    """§6.1.4 (b): what follows from the policyMappings of the certificate that `level` belongs to."""
    wanted: dict[str, set[str]] = {}
    for issuer_policy, subject_policy in mappings:
        wanted.setdefault(issuer_policy, set()).add(subject_policy)
    if not allowed:
        return {policy: node for policy, node in level.items() if policy not in wanted}
    mapped = dict(level)
    any_node = level.get(ANY_POLICY)
    for policy, expected in wanted.items():
        node = level.get(policy)
        parents = node.parents if node else any_node.parents if any_node else None
        if parents is not None:
            mapped[policy] = PolicyNode(policy, frozenset(expected), parents)
    return mapped


def valid_policies(level: Level, wanted: frozenset[str]) -> frozenset[str]:
    """§6.1.5 (g): the policies, in the anchor's words, under which the path is valid for this user.

    `wanted` empty is any-policy; then the answer may hold anyPolicy itself. Empty: valid under none.
    """
    found = _authority_policies(level)
    if not wanted or not found:
        return found
    return wanted if ANY_POLICY in found else found & wanted


def _authority_policies(level: Level) -> frozenset[str]:
    """Policies of the reachable nodes whose parent is anyPolicy: valid_policy_node_set.

    anyPolicy is among them only where it holds down to the last certificate.
    """
    found = {ANY_POLICY} if ANY_POLICY in level else set()
    seen: set[PolicyNode] = set()
    waiting = [node for node in level.values() if node.policy != ANY_POLICY]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if any(parent.policy == ANY_POLICY for parent in node.parents):
            found.add(node.policy)
        waiting.extend(parent for parent in node.parents if parent.policy != ANY_POLICY)
    return frozenset(found)
