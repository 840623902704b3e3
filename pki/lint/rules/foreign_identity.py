"""A serialNumber that is no national code is a foreign national's semantics identifier, and no citizen's."""

import re

from pki.lint.candidate import Candidate, require
from pki.profiles.country import COUNTRY, COUNTRY_CODES

RULE = "foreign_identity"
CLAUSE = "ETSI EN 319 412-1 §5.1.3; ISO 3166-1"
_SERIAL_NUMBER = 3  # its place in the form of a person's name
_PREFIX = COUNTRY.person_prefix.encode("ascii")
_RESIDENT_DIGITS = COUNTRY.resident_digits
_ELSEWHERE = re.compile(rb"(?:PAS|IDC|PNO|TIN)([A-Z]{2})-[0-9A-Z](?:[0-9A-Z./-]{0,38}[0-9A-Z])?")
_COUNTRIES = frozenset(code.encode("ascii") for code in COUNTRY_CODES - {COUNTRY.code})


def check(candidate: Candidate) -> None:
    """By the number that this country gives foreign nationals, or by another state's."""
    if not candidate.expected.definition.person:
        return
    serial_number = candidate.values(RULE)[_SERIAL_NUMBER]
    if serial_number.startswith(_PREFIX):
        number = serial_number[len(_PREFIX) :]
        require(
            len(number) != _RESIDENT_DIGITS or number.isdigit(),
            RULE,
            "is a number of other signs than digits",
        )
        return  # else see `national_code`
    found = _ELSEWHERE.fullmatch(serial_number)
    require(found is not None, RULE, "is no semantics identifier of a natural person")
    require(found is not None and found[1] in _COUNTRIES, RULE, "is of no other country")
