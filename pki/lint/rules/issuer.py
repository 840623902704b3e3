"""The issuer's name is the signing CA's subject, byte for byte."""

from pki.lint.candidate import Candidate, require

RULE = "issuer"
CLAUSE = "RFC 5280 §4.1.2.4, §6.1.3 (a)(4)"


def check(candidate: Candidate) -> None:
    """Names that differ in one byte are another CA's to some verifiers."""
    require(
        candidate.tbs.issuer == candidate.expected.issuer.subject, RULE, "is not the signing CA's subject"
    )
