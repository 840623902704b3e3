"""The Iranian national code (کد ملی): ten digits, the last a check digit modulo 11.

The checksum passes the ten same-digit codes, so they are excluded by rule, and it misses about 2 % of slips,
so a code is always matched against a date of birth as well.
"""

import re
from enum import StrEnum, unique

from issuance.errors import InvalidNationalCodeError
from issuance.registry.text import ascii_digits

LENGTH = 10
_SHORTEST = 8  # people and old forms leave out up to two leading zeros
_MODULUS = 11
_MAX_INPUT = 32
_SEPARATORS = re.compile(
    "[\\s\u200c\u200e\u200f-]"
)  # spaces, dashes, joiners and direction marks from pasted text


@unique
class NationalCodeFault(StrEnum):
    """Why something is not a national code."""

    CHARACTERS = "only digits are allowed"
    LENGTH = "8 to 10 digits are needed"
    SAME_DIGITS = "all digits are the same"
    CHECK_DIGIT = "the check digit is wrong; a digit was mistyped"


def check_digit(first_nine: str) -> str:
    """The tenth digit for nine ASCII digits."""
    total = sum(int(digit) * (LENGTH - place) for place, digit in enumerate(first_nine[: LENGTH - 1]))
    remainder = total % _MODULUS
    return str(remainder if remainder < 2 else _MODULUS - remainder)  # noqa: PLR2004 - the rule's own number


def normalise(text: str) -> str:
    """ASCII digits, separators gone, padded to ten with leading zeros. Raises InvalidNationalCodeError."""
    if len(text) > _MAX_INPUT:
        raise InvalidNationalCodeError(NationalCodeFault.LENGTH.value)
    digits = _SEPARATORS.sub("", ascii_digits(text))
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidNationalCodeError(NationalCodeFault.CHARACTERS.value)
    if not _SHORTEST <= len(digits) <= LENGTH:
        raise InvalidNationalCodeError(NationalCodeFault.LENGTH.value)
    return digits.zfill(LENGTH)


def validate(text: str) -> str:
    """The normalised code, if it can be someone's. Raises InvalidNationalCodeError."""
    code = normalise(text)
    if len(set(code)) == 1:
        raise InvalidNationalCodeError(NationalCodeFault.SAME_DIGITS.value)
    if check_digit(code) != code[-1]:
        raise InvalidNationalCodeError(NationalCodeFault.CHECK_DIGIT.value)
    return code
