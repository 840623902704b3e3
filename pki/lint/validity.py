"""Validity: in order, within the issuer's, no longer than the profile's (RFC 5280 §4.1.2.5)."""

from pki.lint.candidate import Candidate, require
from pki.profiles.tbs import validity_from

RULE = "validity"


def check_validity(candidate: Candidate) -> None:
    """A child never outlives its issuer."""
    start, end = candidate.not_before, candidate.not_after
    issuer = candidate.expected.issuer.validity
    require(start < end, RULE, "ends before it starts")
    definition = candidate.expected.definition
    if not definition.self_signed:
        require(issuer.not_before <= start, RULE, "starts before the issuer's")
        require(end <= issuer.not_after, RULE, "ends after the issuer's")
    longest = validity_from(start, definition.life, None)
    require(end <= longest.not_after, RULE, "is longer than the profile's")
