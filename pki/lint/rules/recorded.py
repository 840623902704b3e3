"""The serial and the times in the bytes are those of the row under which the certificate is kept.

Otherwise a certificate could be signed whose serial is not on record, and nobody could revoke it.
"""

from pki.lint.candidate import Candidate, require

RULE = "recorded"
CLAUSE = "RFC 5280 §5.3: what is revoked is found by its serial"


def check(candidate: Candidate) -> None:
    """Where the row is known, as it is whenever something is signed."""
    recorded = candidate.expected.recorded
    if recorded is None:
        return
    require(candidate.serial == recorded.serial, RULE, "another serial is on record")
    times = (candidate.tbs.not_before, candidate.tbs.not_after)
    require(
        times == (recorded.validity.not_before, recorded.validity.not_after),
        RULE,
        "other times are on record",
    )
