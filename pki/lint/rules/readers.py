"""Both readers see the same serial and times: neither was led astray by the encoding."""

from pki.lint.candidate import Candidate, require

RULE = "readers"
CLAUSE = "X.690 §10"


def check(candidate: Candidate) -> None:
    """The strict reader's values are cryptography's."""
    certificate, tbs = candidate.certificate, candidate.tbs
    same = (
        certificate.serial_number == candidate.serial
        and certificate.not_valid_before_utc == tbs.not_before
        and certificate.not_valid_after_utc == tbs.not_after
    )
    require(same, RULE, "do not agree")
