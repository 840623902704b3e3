"""The subject is the ordered one, and equals the issuer's name only in a root or a link."""

import hashlib

from pki.lint.candidate import Candidate, require

RULE = "subject"
CLAUSE = "RFC 5280 §4.1.2.6, §3.2 (self-issued)"


def check(candidate: Candidate) -> None:
    """A self-issued certificate elsewhere would confuse whoever builds paths."""
    subject, expected = candidate.tbs.subject, candidate.expected
    require(hashlib.sha256(subject).digest() == expected.subject_hash, RULE, "is not the ordered one")
    definition = expected.definition
    self_issued = subject == candidate.tbs.issuer
    require(self_issued or not definition.self_signed, RULE, "of a root is its issuer's name")
    may_be = definition.self_signed or definition.link
    require(may_be or not self_issued, RULE, "equals the issuer's only in a root or a link")
