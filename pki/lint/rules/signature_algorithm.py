"""The algorithm named is the one with which the CA signs."""

from pki.lint.candidate import Candidate, require

RULE = "signature_algorithm"
CLAUSE = "RFC 5280 §4.1.2.3; RFC 5758 §3.2; RFC 4055 §5"


def check(candidate: Candidate) -> None:
    """Byte for byte, so that its parameters are right as well."""
    wanted = candidate.expected.issuer.signature_algorithm
    require(candidate.tbs.signature_algorithm == wanted, RULE, "is not the signing CA's")
