"""Who a person is, as serialNumber says it: the semantics identifier of ETSI EN 319 412-1 §5.1.3.

A citizen has a national code. A foreign national has the number that this country gave them, or else what
another state did: never a made-up national code.
"""

import re
from dataclasses import dataclass, field
from enum import Enum, unique

from pki.errors import SubjectError
from pki.profiles.country import COUNTRY, COUNTRY_CODES

NATIONAL_CODE_DIGITS = 10
_NUMBER = re.compile(r"[0-9A-Z](?:[0-9A-Z./-]{0,38}[0-9A-Z])?", re.ASCII)
"""Whatever documents and registers number people by, in the letters of PrintableString."""


@unique
class Scheme(Enum):
    """Which number it is; the values begin the identifier."""

    PASSPORT = "PAS"
    IDENTITY_CARD = "IDC"
    PERSONAL_NUMBER = "PNO"
    """Of another state's register of persons; of this one's where it gives foreign nationals numbers."""
    TAX_NUMBER = "TIN"


@dataclass(frozen=True)
class ForeignIdentity:
    """What a foreign national is told from others by."""

    scheme: Scheme
    country: str
    """ISO 3166 alpha-2: whose number it is."""
    number: str = field(repr=False)


def resident(code: str) -> ForeignIdentity:
    """By the number that this country gives foreign nationals: PNO too, told from a citizen's by its length.

    A scheme of its own letters would want its registration authority named in qcStatements (NAT-5.1.3-05).
    """
    return ForeignIdentity(Scheme.PERSONAL_NUMBER, COUNTRY.code, code)


def semantics_identifier(identity: str | ForeignIdentity) -> str:
    """serialNumber's text, for a national code or a foreign identity. Raises SubjectError."""
    if isinstance(identity, ForeignIdentity):
        check_foreign(identity)
        return f"{identity.scheme.value}{identity.country}-{identity.number}"
    if len(identity) != NATIONAL_CODE_DIGITS or not (identity.isascii() and identity.isdigit()):
        raise SubjectError("national_code", f"must have {NATIONAL_CODE_DIGITS} ASCII digits")
    return COUNTRY.person_prefix + identity


def check_foreign(identity: ForeignIdentity) -> None:
    """Raises SubjectError."""
    number = identity.number
    if identity.country == COUNTRY.code:
        if identity.scheme is not Scheme.PERSONAL_NUMBER:
            raise SubjectError("identity", "is a citizen's: citizens have a national code")
        if not (number.isascii() and number.isdigit() and len(number) == COUNTRY.resident_digits):
            raise SubjectError("identity", f"must have {COUNTRY.resident_digits} ASCII digits")
        return
    if identity.country not in COUNTRY_CODES:
        raise SubjectError("identity", "names no country of ISO 3166-1")
    if not _NUMBER.fullmatch(number):
        raise SubjectError("identity", "has not 1 to 40 digits and capital letters, with . / - among them")


def read_identity(text: str) -> str | ForeignIdentity:
    """The reverse of `semantics_identifier`: a national code, or a foreign identity. Raises SubjectError."""
    head, hyphen, number = text.partition("-")
    known = {scheme.value: scheme for scheme in Scheme}
    if text.startswith(COUNTRY.person_prefix) and len(number) != COUNTRY.resident_digits:
        identity: str | ForeignIdentity = number
    elif hyphen and head[:-2] in known:
        identity = ForeignIdentity(known[head[:-2]], head[-2:], number)
    else:
        raise SubjectError("serialNumber", "is no semantics identifier of a natural person")
    if semantics_identifier(identity) != text:
        raise SubjectError("serialNumber", "reads back otherwise than it is written")
    return identity
