"""privateKeyUsagePeriod starts with the certificate and ends when the profile says, not critical."""

from datetime import datetime

from pki import der
from pki.errors import LintError
from pki.lint.candidate import PRIVATE_KEY_USE, Candidate, require
from pki.lint.reader import read_seconds
from pki.profiles.facts import Validity, validity_from

RULE = "private_key_use"
CLAUSE = "ICAO Doc 9303-12 §7.1 Table 6; RFC 3280 §4.2.1.4"
_NOT_BEFORE, _NOT_AFTER = 0x80, 0x81


def check(candidate: Candidate) -> None:
    """Only where the profile has one."""
    use = candidate.expected.definition.private_key_use
    if use is None:
        require(PRIVATE_KEY_USE not in candidate.own, RULE, "is not the profile's")
        return
    start, end = _period(candidate.own_value(PRIVATE_KEY_USE, RULE))
    tbs = candidate.tbs
    wanted = validity_from(tbs.not_before, use, Validity(tbs.not_before, tbs.not_after))
    require(Validity(start, end) == wanted, RULE, "is not the profile's")


def _period(value: bytes) -> tuple[datetime, datetime]:
    try:
        start, end = der.parse(value, der.SEQUENCE).children()
        moments = [read_seconds(item.content) for item in (start, end)]
    except ValueError as error:
        raise LintError(RULE, "can't be read") from error
    require((start.tag, end.tag) == (_NOT_BEFORE, _NOT_AFTER), RULE, "lacks one of its ends")
    return moments[0], moments[1]
