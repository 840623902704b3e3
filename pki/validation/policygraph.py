"""Certificate policies along a path (RFC 5280 §6.1.2 to §6.1.5), as the graph of RFC 9618 instead of a tree.

A level holds one node for each policy, with edges to all its parents; so what the tree multiplies with
each mapping, the graph only adds. Nodes and levels never change: a level can be shared by every path that
goes on from it, and remembers what it leads to. Nodes without children are not pruned but simply not
reached from below.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pki.oids import ANY_POLICY

_MAX_REMEMBERED = 64
"""Sets of policies for which a level remembers its answers: a CA's certificates carry a handful."""


@dataclass(frozen=True, slots=True, eq=False)
class PolicyNode:
    """One policy at one depth."""

    policy: str
    expected: frozenset[str]
    """What the next certificate may call it: expected_policy_set."""
    parents: tuple["PolicyNode", ...]


class Level:
    """The nodes of one depth by their policy. False when it is empty: valid_policy_tree is NULL."""

    def __init__(self, nodes: Mapping[str, PolicyNode]) -> None:
        self.nodes = nodes
        self._below: dict[tuple[frozenset[str], bool], Level] = {}
        self._valid: dict[frozenset[str], frozenset[str]] = {}

    def __bool__(self) -> bool:
        return bool(self.nodes)

    def below(self, policies: frozenset[str] | None, *, any_allowed: bool) -> "Level":
        """§6.1.3 (d), (e): the level of the next certificate, with its `policies` (None: no extension)."""
        if policies is None or not self.nodes:
            return EMPTY
        key = policies, any_allowed
        found = self._below.get(key)
        if found is None:
            found = self._descend(policies, any_allowed=any_allowed)
            if len(self._below) < _MAX_REMEMBERED:
                self._below[key] = found
        return found

    def _descend(self, policies: frozenset[str], *, any_allowed: bool) -> "Level":
        expecting = self._by_expectation()
        nodes = {
            policy: _node(policy, parents)
            for policy in policies - {ANY_POLICY}
            if (parents := expecting.get(policy) or expecting.get(ANY_POLICY))
        }
        if any_allowed and ANY_POLICY in policies:
            for policy, parents in expecting.items():
                nodes.setdefault(policy, _node(policy, parents))
        return Level(nodes)

    def _by_expectation(self) -> dict[str, list[PolicyNode]]:
        found: dict[str, list[PolicyNode]] = {}
        for node in self.nodes.values():
            for policy in node.expected:
                found.setdefault(policy, []).append(node)
        return found

    def mapped(self, mappings: Iterable[tuple[str, str]], *, allowed: bool) -> "Level":
        """§6.1.4 (b): what follows from the policyMappings of the certificate that the level belongs to."""
        wanted: dict[str, set[str]] = {}
        for issuer_policy, subject_policy in mappings:
            wanted.setdefault(issuer_policy, set()).add(subject_policy)
        if not allowed:
            return Level({policy: node for policy, node in self.nodes.items() if policy not in wanted})
        nodes = dict(self.nodes)
        any_node = nodes.get(ANY_POLICY)
        for policy, expected in wanted.items():
            like = nodes.get(policy, any_node)
            if like is not None:
                nodes[policy] = PolicyNode(policy, frozenset(expected), like.parents)
        return Level(nodes)

    def valid(self, wanted: frozenset[str]) -> frozenset[str]:
        """§6.1.5 (g): the policies, in the anchor's words, under which the path is valid for this user.

        `wanted` empty is any-policy; then the answer may hold anyPolicy itself. Empty: valid under none.
        """
        known = self._valid.get(wanted)
        if known is None:
            found = self._authority_policies()
            known = found if not wanted or not found else wanted if ANY_POLICY in found else found & wanted
            if len(self._valid) < _MAX_REMEMBERED:
                self._valid[wanted] = known
        return known

    def _authority_policies(self) -> frozenset[str]:
        """Policies of the reachable nodes whose parent is anyPolicy: valid_policy_node_set.

        anyPolicy is among them only where it holds down to the last certificate.
        """
        found = {ANY_POLICY} & self.nodes.keys()
        seen: set[PolicyNode] = set()
        waiting = [node for node in self.nodes.values() if node.policy != ANY_POLICY]
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            if any(parent.policy == ANY_POLICY for parent in node.parents):
                found.add(node.policy)
            waiting.extend(parent for parent in node.parents if parent.policy != ANY_POLICY)
        return frozenset(found)


def _node(policy: str, parents: Iterable[PolicyNode]) -> PolicyNode:
    return PolicyNode(policy, frozenset({policy}), tuple(parents))


EMPTY = Level({})


def root_level() -> Level:
    """§6.1.2 (a). A new one each time: what it remembers goes with the path."""
    return Level({ANY_POLICY: PolicyNode(ANY_POLICY, frozenset({ANY_POLICY}), ())})
