"""Validity is in order, within the issuer's and no longer than the profile's."""

from datetime import datetime
from functools import lru_cache

from pki.lint.candidate import Candidate, require
from pki.profiles.facts import validity_from
from pki.profiles.shape import Life

RULE = "validity"
_KEPT = 4096
CLAUSE = "RFC 5280 §4.1.2.5; a child never outlives its issuer"


def check(candidate: Candidate) -> None:
    """Both ends belong to the validity; the readers saw that they are whole seconds of UTC."""
    start, end = candidate.tbs.not_before, candidate.tbs.not_after
    require(start < end, RULE, "ends before it starts")
    definition, issuer = candidate.expected.definition, candidate.expected.issuer.validity
    if not definition.self_signed:
        require(issuer.not_before <= start, RULE, "starts before the issuer's")
        require(end <= issuer.not_after, RULE, "ends after the issuer's")
    require(end <= _longest(start, definition.life), RULE, "is longer than the profile's")


@lru_cache(_KEPT)
def _longest(start: datetime, life: Life) -> datetime:
    return validity_from(start, life, None).not_after
