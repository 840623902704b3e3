"""Rules over the exact bytes that are about to be signed; each refuses with `LintError(rule, detail)`."""

from pki.lint.candidate import Expectation, Rule, read_candidate
from pki.lint.canonical import check_canonical
from pki.lint.identity import (
    check_authority_key_identifier,
    check_issuer,
    check_key,
    check_subject_key_identifier,
)
from pki.lint.pointers import check_access, check_crl_pointer
from pki.lint.serial import check_serial
from pki.lint.subject import check_subject
from pki.lint.usage import (
    check_basic_constraints,
    check_extension_set,
    check_key_purposes,
    check_key_usage,
    check_policies,
)
from pki.lint.validity import check_validity

RULES: tuple[Rule, ...] = (
    check_serial,
    check_validity,
    check_issuer,
    check_key,
    check_subject,
    check_basic_constraints,
    check_key_usage,
    check_key_purposes,
    check_policies,
    check_extension_set,
    check_subject_key_identifier,
    check_authority_key_identifier,
    check_crl_pointer,
    check_access,
    check_canonical,
)
"""Every rule, the cheap ones first."""

__all__ = ["RULES", "Expectation", "lint"]


def lint(tbs: bytes, expected: Expectation) -> None:
    """Holds a TBSCertificate against what was meant. Raises LintError at the first rule it breaks."""
    candidate = read_candidate(tbs, expected)
    for rule in RULES:
        rule(candidate)
