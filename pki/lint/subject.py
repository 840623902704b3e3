"""Subjects: a citizen's fields, their script and lengths, and the national code's own check digit."""

import hashlib

from pki.errors import LintError, SubjectError
from pki.lint.candidate import Candidate, require
from pki.profiles.names import MAX_COMMON_NAME, NATIONAL_CODE_DIGITS, person_name, read_name, read_person

RULE = "subject"
_MODULUS = 11
_SMALL_REMAINDER = 2


def check_subject(candidate: Candidate) -> None:
    """A citizen's subject reads back as it was folded; an institution's isn't a citizen's."""
    digest = hashlib.sha256(candidate.fields.subject).digest()
    require(digest == candidate.expected.subject_hash, RULE, "is not the ordered one")
    if candidate.expected.definition.person:
        _check_person(candidate.fields.subject)
    else:
        _check_institution(candidate)


def _check_person(subject: bytes) -> None:
    try:
        name = read_person(subject)
        again = person_name(name.national_code, name.given_name, name.surname)
    except SubjectError as error:
        raise LintError(RULE, str(error)) from error
    require(name == again, RULE, "is not in its folded, composed form")
    require(len(name.common_name) <= MAX_COMMON_NAME, RULE, f"CN has more than {MAX_COMMON_NAME} characters")
    require(len(set(name.national_code)) > 1, RULE, "no national code is one digit ten times")
    require(_check_digit_holds(name.national_code), RULE, "the national code's check digit is wrong")


def _check_digit_holds(national_code: str) -> bool:
    """Nine digits weighted 10 to 2, their sum mod 11: the check digit is r below 2, else 11 − r."""
    digits = [int(digit) for digit in national_code]
    weighted = sum(
        digit * weight for digit, weight in zip(digits[:-1], range(NATIONAL_CODE_DIGITS, 1, -1), strict=True)
    )
    remainder = weighted % _MODULUS
    return digits[-1] == (remainder if remainder < _SMALL_REMAINDER else _MODULUS - remainder)


def _check_institution(candidate: Candidate) -> None:
    try:
        read_name(candidate.fields.subject)
    except ValueError as error:
        raise LintError(RULE, "is no name of ours") from error
    same = candidate.fields.subject == candidate.fields.issuer
    require(same == candidate.expected.definition.self_signed, RULE, "equals the issuer's only in a root")
