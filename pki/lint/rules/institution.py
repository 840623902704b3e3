"""The name of anything but a citizen: C, O, CN, in this order, of the right types and lengths."""

from pki.errors import LintError
from pki.lint.candidate import Candidate, require
from pki.profiles.country import COUNTRY
from pki.profiles.names import MAX_COMMON_NAME

RULE = "institution"
CLAUSE = "RFC 5280 §4.1.2.4, Appendix A.1; ICAO Doc 9303-12 §7.1.1.1"
_OURS = [COUNTRY.code.encode("ascii"), COUNTRY.organization.encode()]


def check(candidate: Candidate) -> None:
    """Our own organisation, and a common name that people can read."""
    if candidate.expected.definition.person:
        return
    *ours, common_name = candidate.values(RULE)
    require(ours == _OURS, RULE, "is of another organisation")
    try:
        text = common_name.decode()
    except UnicodeDecodeError as error:
        raise LintError(RULE, "is not UTF-8") from error
    require(1 <= len(text) <= MAX_COMMON_NAME, RULE, f"CN has not 1 to {MAX_COMMON_NAME} characters")
    require(text.isprintable() and text == text.strip(), RULE, "CN holds what isn't seen")
