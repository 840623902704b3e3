"""Distinguished names: how a citizen, a CA and a responder are written into certificates, and read again."""

import re
import unicodedata
from dataclasses import dataclass, field
from uuid import UUID

from pki import der, oids
from pki.errors import SubjectError
from pki.hierarchy import Role
from pki.profiles.country import COUNTRY

NATIONAL_CODE_DIGITS = 10
PERSON_PREFIX = COUNTRY.person_prefix
MAX_COMMON_NAME = 64  # ub-common-name, RFC 5280 Appendix A.1: characters, not bytes
MAX_NAME = 128
"""Our own bound for a given name or a surname; RFC 5280's ub-name is 32,768."""

_UTF8_STRING = 0x0C
_PRINTABLE_STRING = 0x13
_SET = 0x31
_LONG_FORM = 0x80
_MAX_NAME_DER = 4096
_FOLDED = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک"})
_ZWNJ = "\u200c"
_JOINERS = frozenset({" ", "-", "'", ".", _ZWNJ})
_PLAIN_LETTERS = "[اآأإبپتثجچحخدذرزژسشصضطظعغفقکگلمنوؤهیئءA-Za-z]+"
_PLAIN = re.compile(f"{_PLAIN_LETTERS}(?:[ {_ZWNJ}]{_PLAIN_LETTERS})*")
"""Names that fold to themselves, which most do: letters that nothing combines with, singly spaced."""
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc"})


@dataclass(frozen=True)
class PersonName:
    """A citizen as a certificate's subject names one."""

    national_code: str = field(repr=False)
    given_name: str = field(repr=False)
    surname: str = field(repr=False)
    common_name: str = field(repr=False)


def fold(field_name: str, value: str) -> str:
    """A name as it is signed: Arabic ي ى ك folded to Persian ی ک, NFC, single spaces. Raises SubjectError."""
    if len(value) <= MAX_NAME and _PLAIN.fullmatch(value):
        return value
    folded = unicodedata.normalize("NFC", " ".join(value.translate(_FOLDED).split()))
    if not folded or len(folded) > MAX_NAME:
        raise SubjectError(field_name, f"must have 1 to {MAX_NAME} characters")
    if not all(char in _JOINERS or unicodedata.category(char) in _LETTERS for char in folded):
        raise SubjectError(field_name, "holds a character that no name has")
    if not any(unicodedata.category(char).startswith("L") for char in folded):
        raise SubjectError(field_name, "holds no letter")
    return folded


def person_name(national_code: str, given_name: str, surname: str) -> PersonName:
    """The folded and checked name of a citizen. Raises SubjectError."""
    code = national_code
    if len(code) != NATIONAL_CODE_DIGITS or not (code.isascii() and code.isdigit()):
        raise SubjectError("national_code", f"must have {NATIONAL_CODE_DIGITS} ASCII digits")
    given, family = fold("given_name", given_name), fold("surname", surname)
    return PersonName(code, given, family, common_name(given, family))


def common_name(given_name: str, surname: str) -> str:
    """Both names, cut at a space where they are too long together: GN and SN hold them whole."""
    whole = f"{given_name} {surname}"
    if len(whole) <= MAX_COMMON_NAME:
        return whole
    head, _, _rest = whole[: MAX_COMMON_NAME + 1].rpartition(" ")
    return head or whole[:MAX_COMMON_NAME].rstrip()


def encode_person(name: PersonName) -> bytes:
    """DER Name: C, SN, GN, serialNumber, CN, one attribute to each RDN."""
    return der.sequence(
        (
            _rdn(oids.COUNTRY_NAME, _PRINTABLE_STRING, COUNTRY.code),
            _rdn(oids.SURNAME, _UTF8_STRING, name.surname),
            _rdn(oids.GIVEN_NAME, _UTF8_STRING, name.given_name),
            _rdn(oids.SERIAL_NUMBER, _PRINTABLE_STRING, PERSON_PREFIX + name.national_code),
            _rdn(oids.COMMON_NAME, _UTF8_STRING, name.common_name),
        )
    )


def encode_institution(common_name: str) -> bytes:
    """DER Name of one of our own CAs or responders: C, O, CN."""
    return der.sequence((_INSTITUTION, _rdn(oids.COMMON_NAME, _UTF8_STRING, common_name)))


def encode_ca(role: Role, generation: int) -> bytes:
    """DER Name of a CA. A country signing CA keeps its name over generations (ICAO Doc 9303-12 §7.1)."""
    name = COUNTRY.ca_names[role]
    return encode_institution(name if role is Role.CSCA else f"{name} G{generation}")


def encode_card(card: UUID) -> bytes:
    """DER Name of a card: C, O and its UUID as CN; nothing about its holder."""
    return encode_institution(str(card))


def encode_locality(code: str) -> bytes:
    """DER Name of a country as its travel documents write it: L alone (ICAO Doc 9303-12 §7.1)."""
    return der.sequence((_rdn(oids.LOCALITY_NAME, _PRINTABLE_STRING, code),))


def _rdn(oid: str, tag: int, value: str) -> bytes:
    attribute = der.sequence((der.object_identifier(oid), der.encode(tag, value.encode())))
    return der.encode(_SET, attribute)


_INSTITUTION = _rdn(oids.COUNTRY_NAME, _PRINTABLE_STRING, COUNTRY.code) + _rdn(
    oids.ORGANIZATION_NAME, _UTF8_STRING, COUNTRY.organization
)
_RDN_HEAD = 11
"""SET, SEQUENCE, the identifier and the header of a short value."""


def read_name(name: bytes) -> list[tuple[bytes, str]]:
    """Attributes of a DER Name in order, as (DER object identifier, text).

    Takes what this module writes: single-valued RDNs of UTF8String or PrintableString.
    cryptography's own reader counts a common name's bytes and warns of lawful Persian ones. Raises DerError.
    """
    if len(name) > _MAX_NAME_DER:
        raise der.DerError("the name is too long")
    return [_read_rdn(rdn) for rdn in der.parse(name, der.SEQUENCE).children()]


def common_name_of(name: bytes) -> str:
    """The last attribute of a DER Name of ours, which is its CN. Raises DerError."""
    start = name[2 : 2 + len(_INSTITUTION)]
    if start == _INSTITUTION and len(name) < _LONG_FORM:
        return name[2 + len(_INSTITUTION) + _RDN_HEAD :].decode()
    attributes = read_name(name)
    if not attributes or attributes[-1][0] != _COMMON_NAME:
        raise der.DerError("the name doesn't end in a common name")
    return attributes[-1][1]


def _read_rdn(rdn: der.Element) -> tuple[bytes, str]:
    if rdn.tag != _SET:
        raise der.DerError("a Name consists of SETs")
    oid, value = _two(der.parse(rdn.content, der.SEQUENCE).children())
    if value.tag not in {_UTF8_STRING, _PRINTABLE_STRING} or oid.tag != der.OBJECT_IDENTIFIER:
        raise der.DerError("an attribute is neither UTF8String nor PrintableString")
    try:
        return oid.raw, value.content.decode("ascii" if value.tag == _PRINTABLE_STRING else "utf-8")
    except UnicodeDecodeError as error:
        raise der.DerError("an attribute's text is not what its type says") from error


def _two(elements: list[der.Element]) -> tuple[der.Element, der.Element]:
    if len(elements) != 2:  # noqa: PLR2004 - AttributeTypeAndValue ::= SEQUENCE { type, value }
        raise der.DerError("an attribute has a type and a value")
    return elements[0], elements[1]


_COMMON_NAME = der.object_identifier(oids.COMMON_NAME)
_PERSON_ATTRIBUTES = tuple(
    der.object_identifier(oid)
    for oid in (
        oids.COUNTRY_NAME,
        oids.SURNAME,
        oids.GIVEN_NAME,
        oids.SERIAL_NUMBER,
        oids.COMMON_NAME,
    )
)


def read_person(name: bytes) -> PersonName:
    """The citizen whom a DER Name names. Raises SubjectError when it is no citizen's."""
    try:
        attributes = read_name(name)
    except der.DerError as error:
        raise SubjectError("subject", "is not a citizen's name") from error
    if tuple(oid for oid, _ in attributes) != _PERSON_ATTRIBUTES:
        raise SubjectError("subject", "must have C, SN, GN, serialNumber and CN, in this order")
    country, surname, given_name, serial_number, common_name = (text for _, text in attributes)
    if country != COUNTRY.code or not serial_number.startswith(PERSON_PREFIX):
        raise SubjectError("serialNumber", f"must start with {PERSON_PREFIX}")
    return PersonName(serial_number.removeprefix(PERSON_PREFIX), given_name, surname, common_name)
