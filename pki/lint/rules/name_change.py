"""nameChange stands in a link certificate whose names differ, and nowhere else."""

from pki.lint.candidate import NAME_CHANGE, Candidate, require

RULE = "name_change"
CLAUSE = "ICAO Doc 9303-12 §7.1.1.5"
_NULL = b"\x05\x00"


def check(candidate: Candidate) -> None:
    """Its value is NULL, not critical."""
    tbs = candidate.tbs
    changed = candidate.expected.definition.link and tbs.subject != tbs.issuer
    require((NAME_CHANGE in candidate.own) == changed, RULE, "is there without a change, or missing")
    if changed:
        require(candidate.own_value(NAME_CHANGE, RULE) == _NULL, RULE, "is not NULL")
