"""The fast path and the full path give the same verdicts: chains with anything wrong, by hypothesis."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pki import der, oids
from pki.validation import Evidence, PathPolicy, PinnedIssuers, RevocationMode, ValidatedPath, validate
from pki.validation.decoders import Usage
from pki.validation.errors import PathError
from pki.validation.evidence import NO_EVIDENCE
from tests.unit.pki.validation.making import (
    DAY,
    LIFE,
    NOW,
    Party,
    alternative_names,
    authority_key,
    basic_constraints,
    certify,
    directory,
    dns,
    inhibit_any,
    key_usage,
    mappings,
    name_constraints,
    named,
    party,
    policies,
    policy_constraints,
    purposes,
    subject_key,
    unknown,
)
from tests.unit.pki.validation.telling import LISTER, POINTS, WAYS, Case, answer

ROOT, OTHER_ROOT, ISSUING, STRANGER = party("root"), Party(named("root")), party("issuing"), party("stranger")
NAMESAKE = Party(ISSUING.name)
LISTER_SERIAL = 901
LISTED = certify(LISTER, ROOT, key_usage(Usage.CRL_SIGN), serial=LISTER_SERIAL)
A, B = "1.3.6.1.4.1.1", "1.3.6.1.4.1.2"
SECOND = timedelta(seconds=1)
LIVES = [LIFE, (NOW - DAY, NOW), (NOW, NOW + DAY), (NOW - DAY, NOW - SECOND), (NOW + SECOND, NOW + DAY)]
USAGES = [(), (Usage.DIGITAL_SIGNATURE,), (Usage.CONTENT_COMMITMENT,), (Usage.KEY_CERT_SIGN, Usage.CRL_SIGN)]
POLICIES = [(), (A,), (B,), (A, B), (oids.ANY_POLICY,), (A, oids.ANY_POLICY)]
EXTRAS = {
    "none": (),
    "unknown": (unknown(critical=False),),
    "unknown critical": (unknown(critical=True),),
    "broken": (der.extension(oids.SUBJECT_ALT_NAME, b"\x30\x01"),),
    "twice": (subject_key(b"k"), subject_key(b"k")),
    "constraint": (name_constraints([dns("b.ir")]),),
    "directory constraint": (name_constraints(excluded=[directory(named("leaf"))]),),
    "mapping": (mappings((A, B)),),
    "explicit": (policy_constraints(explicit=0),),
    "no any": (inhibit_any(0),),
    "host": (alternative_names(dns("c.ir")),),
}
MOMENTS = [NOW, NOW + timedelta(microseconds=999_999), NOW - DAY, NOW + DAY, NOW + DAY + SECOND]
WANTS = [
    PathPolicy(),
    PathPolicy("digital_signature", oids.CLIENT_AUTH, frozenset({A})),
    PathPolicy(policies=frozenset({B})),
    PathPolicy(explicit_policy=True, any_policy_inhibited=True),
    PathPolicy(policies=frozenset({A}), mapping_inhibited=True),
    PathPolicy(max_path=1),
    PathPolicy(strict=True),
    PathPolicy(anchor_constraints=False),
    PathPolicy(path_length=0),
    PathPolicy(revocation=RevocationMode.CRL),
    PathPolicy(revocation=RevocationMode.EITHER),
    PathPolicy(revocation=RevocationMode.OCSP),
    PathPolicy(revocation=RevocationMode.CRL, strict=True),
]
BY_CRL, BY_EITHER, BY_OCSP = 9, 10, 11


@dataclass(frozen=True)
class Chain:
    """What may be wrong with a leaf, its issuer, its anchor, and the moment."""

    leaf_life: tuple[datetime, datetime] = LIFE
    ca_life: tuple[datetime, datetime] = LIFE
    root_life: tuple[datetime, datetime] = LIFE
    leaf_usage: tuple[Usage, ...] = (Usage.DIGITAL_SIGNATURE,)
    ca_usage: tuple[Usage, ...] = (Usage.KEY_CERT_SIGN, Usage.CRL_SIGN)
    leaf_policies: tuple[str, ...] = (A,)
    ca_policies: tuple[str, ...] = (oids.ANY_POLICY,)
    purpose: str = oids.CLIENT_AUTH
    leaf_extra: str = "none"
    ca_extra: str = "none"
    leaf_signer: Party = ISSUING
    leaf_issuer: Party = ISSUING
    ca_signer: Party = ROOT
    ca_is_ca: bool = True
    path_length: int | None = 0
    key_hint: bytes = ISSUING.key_identifier
    revoked: frozenset[int] = frozenset()
    told: str = "full"
    points: str = "none"
    crl_signer: Party = ISSUING
    at: datetime = NOW
    wanted: int = 1

    def root(self) -> bytes:
        key = subject_key(ROOT.key_identifier)
        return certify(
            ROOT, ROOT, basic_constraints(), key_usage(*USAGES[3]), key, life=self.root_life, serial=1
        )

    def issuing(self) -> bytes:
        return certify(
            ISSUING,
            ROOT,
            basic_constraints(self.path_length if self.ca_is_ca else None, ca=self.ca_is_ca),
            key_usage(*self.ca_usage),
            subject_key(ISSUING.key_identifier),
            authority_key(ROOT.key_identifier),
            *([policies(*self.ca_policies)] if self.ca_policies else []),
            *EXTRAS[self.ca_extra],
            life=self.ca_life,
            serial=2,
            signer=self.ca_signer,
        )

    def leaf(self) -> bytes:
        return certify(
            party("leaf"),
            self.leaf_issuer,
            key_usage(*self.leaf_usage),
            purposes(self.purpose),
            authority_key(self.key_hint),
            *([policies(*self.leaf_policies)] if self.leaf_policies else []),
            *EXTRAS[self.leaf_extra],
            *POINTS[self.points],
            life=self.leaf_life,
            serial=3,
            signer=self.leaf_signer,
        )

    def evidence(self) -> Evidence:
        """The CA's status by the root's CRL, or by OCSP where that is wanted; the leaf's as it is told."""
        if WANTS[self.wanted].revocation is RevocationMode.NONE:
            return NO_EVIDENCE
        root, issuing = self.root(), self.issuing()
        above = Case(issuing, 2, ROOT, root, ROOT, 2 in self.revoked, others=self.revoked)
        below = Case(self.leaf(), 3, ISSUING, issuing, self.crl_signer, 3 in self.revoked)
        told = WAYS[self.told](below)
        answers = (answer(above), *told.answers) if self.wanted == BY_OCSP else told.answers
        return Evidence.of((above.crl(), *told.crls), answers)


_BY_CRL = {
    "full",
    "unknown and full",
    "unnumbered",
    "for users",
    "delta",
    "delta over an ended base",
    "delta that frees",
    "partition",
    "partition and its delta",
    "reasons in two parts",
    "indirect",
}
_BY_OCSP = {"answer", "delegate's answer", "answer, empty CRL"}
TELLING = {
    BY_CRL: _BY_CRL | {"good answer, full"},
    BY_EITHER: _BY_CRL | _BY_OCSP,
    BY_OCSP: _BY_OCSP,
}
"""The ways that tell good from revoked, for each source of statuses that may be wanted."""
CHOICES: dict[str, list[object]] = {
    "leaf_life": [*LIVES],
    "ca_life": [*LIVES],
    "root_life": [*LIVES],
    "leaf_usage": [*USAGES],
    "ca_usage": [*USAGES],
    "leaf_policies": [*POLICIES],
    "ca_policies": [*POLICIES],
    "purpose": [oids.CLIENT_AUTH, oids.OCSP_SIGNING, "2.5.29.37.0"],
    "leaf_extra": [*EXTRAS],
    "ca_extra": [*EXTRAS],
    "leaf_signer": [ISSUING, NAMESAKE, STRANGER],
    "leaf_issuer": [ISSUING, STRANGER, Party(named("ISSUING"), ISSUING.key)],
    "ca_signer": [ROOT, OTHER_ROOT],
    "ca_is_ca": [True, False],
    "path_length": [None, 0, 1],
    "key_hint": [ISSUING.key_identifier, b"other"],
    "revoked": [frozenset(), frozenset({2}), frozenset({3}), frozenset({LISTER_SERIAL})],
    "told": [*WAYS],
    "points": [*POINTS],
    "crl_signer": [ISSUING, STRANGER],
    "at": [*MOMENTS],
    "wanted": [*range(len(WANTS))],
}


def outcome(run: Callable[[], ValidatedPath]) -> ValidatedPath | str:
    try:
        return run()
    except PathError as error:
        return error.kind


def both(chain: Chain) -> tuple[ValidatedPath | str, ValidatedPath | str]:
    root, issuing, leaf, wanted = chain.root(), chain.issuing(), chain.leaf(), WANTS[chain.wanted]
    evidence = chain.evidence()
    others = [issuing, LISTED]
    fast = outcome(lambda: PinnedIssuers(others, [root]).validate(leaf, chain.at, wanted, evidence))
    return fast, outcome(lambda: validate([leaf, *others], [root], chain.at, wanted, evidence))


def assert_same_verdict(fast: ValidatedPath | str, full: ValidatedPath | str) -> None:
    """Where several things are wrong, which is met first may differ."""
    assert isinstance(fast, str) == isinstance(full, str)
    if not isinstance(full, str):
        assert fast == full


def test_every_fault_is_among_the_choices() -> None:
    assert [field.name for field in fields(Chain)] == list(CHOICES)


BASES = {
    0: Chain(wanted=0),
    1: Chain(),
    BY_CRL: Chain(wanted=BY_CRL),
    BY_EITHER: Chain(wanted=BY_EITHER, told="unknown and full"),
    BY_OCSP: Chain(wanted=BY_OCSP, told="answer"),
}
"""A path that holds, for each of these wants."""
SINGLE = [(name, value, wanted) for name in CHOICES for value in CHOICES[name] for wanted in BASES]


@pytest.mark.parametrize(("name", "value", "wanted"), SINGLE, ids=range(len(SINGLE)))
def test_one_thing_wrong_comes_to_the_same_error(name: str, value: object, wanted: int) -> None:
    fast, full = both(replace(BASES[wanted], **{name: value}))  # type: ignore[arg-type]
    assert fast == full


def test_the_choices_hold_and_fail() -> None:
    """Lest the comparison be of refusals only."""
    assert all(isinstance(both(base)[1], ValidatedPath) for base in BASES.values())
    outcomes = [both(replace(Chain(), **{name: value}))[1] for name, value, _ in SINGLE[:: len(BASES)]]  # type: ignore[arg-type]
    kinds = {item for item in outcomes if isinstance(item, str)}
    assert len(kinds) >= 12


@cache
def told(way: str, wanted: int) -> frozenset[str]:
    """What comes of it, wherever the leaf says that it is told: `good` where the path holds, or the error."""
    found = set()
    for points in POINTS:
        for revoked in (frozenset[int](), frozenset({3})):
            chain = Chain(wanted=wanted, told=way, points=points, revoked=revoked)
            fast, full = both(chain)
            assert fast == full, chain
            found.add(full if isinstance(full, str) else "good")
    return frozenset(found)


@pytest.mark.parametrize("wanted", [BY_CRL, BY_EITHER, BY_OCSP])
@pytest.mark.parametrize("way", WAYS)
def test_however_the_status_is_told_the_verdict_is_the_same(way: str, wanted: int) -> None:
    assert told(way, wanted)


@pytest.mark.parametrize(("wanted", "ways"), TELLING.items())
def test_these_ways_tell_good_from_revoked(wanted: int, ways: set[str]) -> None:
    """And the others don't: a comparison of refusals only would show nothing."""
    assert {way for way in WAYS if {"good", "revoked"} <= told(way, wanted)} == ways


@given(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in CHOICES.items()}))
def test_whatever_is_wrong_comes_to_the_same_verdict(values: dict[str, object]) -> None:
    assert_same_verdict(*both(Chain(**values)))  # type: ignore[arg-type]


@given(
    st.dictionaries(st.sampled_from(list(CHOICES)), st.integers(0, 99), max_size=4),
)
def test_a_few_things_wrong_come_to_the_same_verdict(picked: dict[str, int]) -> None:
    values = {name: CHOICES[name][number % len(CHOICES[name])] for name, number in picked.items()}
    assert_same_verdict(*both(Chain(**values)))  # type: ignore[arg-type]
