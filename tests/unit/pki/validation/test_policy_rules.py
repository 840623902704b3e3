"""Certificate policies: the graph, its bounds, and what a user may ask."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from pki.oids import ANY_POLICY
from pki.validation import PathPolicy, validate
from pki.validation.errors import PolicyError, PolicyMappingError
from pki.validation.policygraph import root_level
from tests.unit.pki.validation.making import (
    NOW,
    ca,
    certify,
    inhibit_any,
    mappings,
    party,
    policies,
    policy_constraints,
)

A, B, C, D = "1.3.6.1.4.1.1", "1.3.6.1.4.1.2", "1.3.6.1.4.1.3", "1.3.6.1.4.1.4"
EXPLICIT = PathPolicy(explicit_policy=True)
ROOT, FIRST, SECOND, LEAF = party("root"), party("first"), party("second"), party("leaf")
ANCHOR = certify(ROOT, ROOT, *ca())


def judge(
    first: Sequence[bytes], second: Sequence[bytes], leaf: Sequence[bytes], policy: PathPolicy = EXPLICIT
) -> frozenset[str]:
    chain = [
        certify(LEAF, SECOND, *leaf),
        certify(SECOND, FIRST, *ca(), *second),
        certify(FIRST, ROOT, *ca(), *first),
    ]
    return validate(chain, [ANCHOR], NOW, policy).policies


def wanting(*identifiers: str, **more: bool) -> PathPolicy:
    return PathPolicy(policies=frozenset(identifiers), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "second", "leaf", "found"),
    [
        ([A], [A], [A], {A}),
        ([A, B], [B, C], [B, A], {B}),
        ([ANY_POLICY], [A], [A, B], {A}),
        ([A], [ANY_POLICY], [A, B], {A}),
        ([A, B], [ANY_POLICY], [ANY_POLICY], {A, B}),
        ([ANY_POLICY], [ANY_POLICY], [ANY_POLICY], {ANY_POLICY}),
        ([A, ANY_POLICY], [B], [B], {B}),
    ],
)
def test_policies_hold_down_the_path(
    first: list[str], second: list[str], leaf: list[str], found: set[str]
) -> None:
    assert judge([policies(*first)], [policies(*second)], [policies(*leaf)]) == found


@pytest.mark.parametrize(
    ("first", "second", "leaf"), [([A], [B], [A]), ([A], [A], [B]), ([B], [ANY_POLICY], [A])]
)
def test_without_a_common_policy_an_explicit_one_fails(
    first: list[str], second: list[str], leaf: list[str]
) -> None:
    chain = ([policies(*first)], [policies(*second)], [policies(*leaf)])
    with pytest.raises(PolicyError):
        judge(*chain)
    assert judge(*chain, PathPolicy()) == set()


def test_a_user_names_policies() -> None:
    same = [policies(A, B)]
    assert judge(same, same, same, wanting(A, C)) == {A}
    with pytest.raises(PolicyError):
        judge(same, same, same, wanting(C))
    assert judge(same, same, same, wanting(C, explicit_policy=False)) == set()
    every = [policies(ANY_POLICY)]
    assert judge(every, every, every, wanting(C)) == {C}
    with pytest.raises(PolicyError):
        judge(same, same, [], wanting(A))


def test_mappings_translate() -> None:
    first = [policies(A), mappings((A, B))]
    assert judge(first, [policies(B)], [policies(B)], wanting(A)) == {A}
    with pytest.raises(PolicyError):
        judge(first, [policies(A)], [policies(A)])
    with pytest.raises(PolicyError):
        judge(first, [policies(B)], [policies(B)], wanting(B))
    with pytest.raises(PolicyError):
        judge(first, [policies(B)], [policies(B)], wanting(A, mapping_inhibited=True))
    through_any = [policies(ANY_POLICY), mappings((A, B))]
    assert judge(through_any, [policies(B)], [policies(B)], wanting(A)) == {A}


@pytest.mark.parametrize("pair", [(ANY_POLICY, A), (A, ANY_POLICY)])
def test_any_policy_is_not_mapped(pair: tuple[str, str]) -> None:
    with pytest.raises(PolicyMappingError):
        judge([policies(A), mappings(pair)], [policies(A)], [policies(A)])


def test_constraints_begin_after_their_count() -> None:
    every = [policies(ANY_POLICY)]
    with pytest.raises(PolicyError):
        judge([*every, inhibit_any(0)], every, [policies(A)])
    with pytest.raises(PolicyError):
        judge([*every, inhibit_any(1)], every, every)
    judge([*every, inhibit_any(2)], every, every)
    with pytest.raises(PolicyError):
        judge(every, every, every, PathPolicy(explicit_policy=True, any_policy_inhibited=True))
    nothing: list[bytes] = []
    for skip, holds in ((0, False), (1, False), (2, False), (3, True)):
        constrained = [policy_constraints(explicit=skip)]
        if holds:
            judge(constrained, nothing, nothing, PathPolicy())
        else:
            with pytest.raises(PolicyError):
                judge(constrained, nothing, nothing, PathPolicy())
    with pytest.raises(PolicyError):
        judge(nothing, nothing, [policy_constraints(explicit=0)], PathPolicy())
    mapped = [policies(A, B), mappings((A, B))]
    with pytest.raises(PolicyError):
        judge([policies(A), policy_constraints(mapping=0)], mapped, [policies(B)])
    assert judge([policies(A), policy_constraints(mapping=1)], mapped, [policies(B)]) == {A}


def test_mappings_of_all_to_all_stay_small() -> None:
    """What a tree multiplies at each step (CVE-2023-0464), the graph only adds."""
    identifiers = [f"1.3.6.1.4.1.{number}" for number in range(100, 140)]
    pairs = [(one, other) for one in identifiers for other in identifiers]
    level = root_level()
    for _ in range(64):
        level = level.below(frozenset(identifiers), any_allowed=True)
        level = level.mapped(pairs, allowed=True)
        assert len(level.nodes) == len(identifiers)
    assert level.valid(frozenset(identifiers[:1])) == {identifiers[0]}
    assert level.valid(frozenset({D})) == set()


def test_a_deep_path_of_mappings_ends() -> None:
    identifiers = [f"1.3.6.1.4.1.{number}" for number in range(100, 120)]
    extensions = [policies(*identifiers), mappings(*((a, b) for a in identifiers for b in identifiers))]
    parties = [ROOT, *(party(f"ca {number}") for number in range(10))]
    cas = [certify(low, high, *ca(), *extensions) for high, low in pairwise(parties)]
    leaf = certify(LEAF, parties[-1], policies(identifiers[3]))
    wanted = wanting(identifiers[7])
    assert validate([leaf, *cas], [ANCHOR], NOW, wanted).policies == {identifiers[7]}
