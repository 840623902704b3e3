"""A person's name: C, SN or GN or both, one serialNumber, CN, in this order, of the right types, folded."""

from pki.errors import LintError, SubjectError
from pki.lint.candidate import Candidate, require
from pki.profiles.country import COUNTRY
from pki.profiles.names import MAX_COMMON_NAME, common_name, fold

RULE = "person"
CLAUSE = "RFC 5280 §4.1.2.4, Appendix A.1; RFC 3739 §3.1.2; ETSI EN 319 412-1 §5.1.3, EN 319 412-2 §4.2.4"
_COUNTRY = COUNTRY.code.encode("ascii")


def check(candidate: Candidate) -> None:
    """What the name says reads back as it was folded; a repeated or absent attribute is another form."""
    if not candidate.expected.definition.person:
        return
    country, surname, given_name, _, whole = candidate.values(RULE)
    require(country == _COUNTRY, RULE, "is of another country")
    try:
        _check_texts(surname.decode(), given_name.decode(), whole.decode())
    except UnicodeDecodeError as error:
        raise LintError(RULE, "is not UTF-8") from error


def _check_texts(surname: str, given_name: str, whole: str) -> None:
    """Lengths are in characters, as RFC 5280 counts them."""
    require(1 <= len(whole) <= MAX_COMMON_NAME, RULE, f"CN has not 1 to {MAX_COMMON_NAME} characters")
    try:
        parts = [(name, text) for name, text in (("surname", surname), ("given_name", given_name)) if text]
        folded = all(fold(name, text) == text for name, text in parts)
    except SubjectError as error:
        raise LintError(RULE, str(error)) from error
    require(folded, RULE, "is not in its folded, composed form")
    require(whole == common_name(given_name, surname), RULE, "CN is not the name")
