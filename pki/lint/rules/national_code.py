"""A national code in a person's serialNumber is one that can have been given out."""

from operator import mul

from pki.lint.candidate import Candidate, require
from pki.profiles.country import COUNTRY

RULE = "national_code"
CLAUSE = "the Iranian national code: nine digits weighted 10 to 2, modulo 11"
_SERIAL_NUMBER = 3  # its place in the form of a citizen's name
_PREFIX = COUNTRY.person_prefix.encode("ascii")
_DIGITS = 10
_MODULUS = 11
_SMALL_REMAINDER = 2
_ZERO = ord("0")
_WEIGHTS = tuple(range(_DIGITS, 1, -1))
_SUM_OF_WEIGHTS = sum(_WEIGHTS)


def check(candidate: Candidate) -> None:
    """Its check digit holds; its digits are not all the same."""
    if not candidate.expected.definition.person:
        return
    serial_number = candidate.values(RULE)[_SERIAL_NUMBER]
    code = serial_number[len(_PREFIX) :]
    if not serial_number.startswith(_PREFIX) or len(code) == COUNTRY.resident_digits:
        return  # see `foreign_identity`
    require(len(code) == _DIGITS and code.isdigit(), RULE, f"must have {_DIGITS} digits")
    require(code != code[:1] * _DIGITS, RULE, "is one digit ten times")
    require(_check_digit_holds(code), RULE, "has a wrong check digit")


def _check_digit_holds(code: bytes) -> bool:
    """The check digit is the remainder r where r is below 2, else 11 − r."""
    weighted: int = sum(map(mul, code, _WEIGHTS)) - _ZERO * _SUM_OF_WEIGHTS
    remainder = weighted % _MODULUS
    wanted = remainder if remainder < _SMALL_REMAINDER else _MODULUS - remainder
    return code[-1] - _ZERO == wanted
