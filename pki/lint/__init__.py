"""Rules over the exact bytes that are about to be signed; each refuses with `LintError(rule, detail)`.

One rule a file, in `rules/`. Those over what one profile, issuer and CRL have in common run once for the same
bytes: their verdict can't differ, because they see nothing else.
"""

from pki.lint.candidate import Candidate, Expectation, read_candidate, read_shared
from pki.lint.reader import RawExtension
from pki.lint.rules import OWN_RULES, SHARED_RULES
from pki.profiles.extensions import PublicAddresses
from pki.profiles.facts import IssuerFacts
from pki.profiles.shape import ProfileDefinition

__all__ = ["Expectation", "lint"]

_Block = tuple[tuple[RawExtension, ...], ProfileDefinition, IssuerFacts, PublicAddresses, str]
_MAX_PASSED = 32_768
"""Profiles times partitions; some 600 bytes each."""
_passed: set[_Block] = set()


def lint(tbs: bytes, expected: Expectation) -> None:
    """Holds a TBSCertificate against what was meant. Raises LintError at the first rule it breaks."""
    candidate = read_candidate(tbs, expected)
    for rule in OWN_RULES:
        rule(candidate)
    _lint_shared(candidate)


def _lint_shared(candidate: Candidate) -> None:
    expected = candidate.expected
    scope = expected.crl_scope(candidate.serial)
    block = (candidate.shared, expected.definition, expected.issuer, expected.addresses, scope)
    if block in _passed:
        return
    shared = read_shared(candidate, scope)
    for rule in SHARED_RULES:
        rule(shared)
    if len(_passed) >= _MAX_PASSED:
        _passed.clear()
    _passed.add(block)
