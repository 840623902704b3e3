"""Distinguished names: how a citizen, a CA and a responder are written into certificates, and read again."""

import re
import unicodedata
from dataclasses import dataclass, field
from uuid import UUID

from pki import der, oids
from pki.errors import SubjectError
from pki.hierarchy import Role
from pki.profiles.country import COUNTRY
from pki.profiles.identities import ForeignIdentity, read_identity, semantics_identifier

PERSON_PREFIX = COUNTRY.person_prefix
MAX_COMMON_NAME = 64  # ub-common-name, RFC 5280 Appendix A.1: characters, not bytes
MAX_NAME = 128
"""Our own bound for a given name or a surname; RFC 5280's ub-name is 32,768."""
_MAX_GIVEN = 4 * MAX_NAME

_UTF8_STRING = 0x0C
_PRINTABLE_STRING = 0x13
_SET = 0x31
_LONG_FORM = 0x80
_MAX_NAME_DER = 4096
_FOLDED = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک"})
_ZWNJ = "\u200c"
_JOINERS = frozenset({" ", "-", "'", "\u2019", "\u00b7", ".", _ZWNJ})
"""Between letters: in Persian, in transliterations, in names of other peoples."""
_PLAIN_LETTERS = "[اآأإبپتثجچحخدذرزژسشصضطظعغفقکگلمنوؤهیئءA-Za-z]+"
_PLAIN = re.compile(f"{_PLAIN_LETTERS}(?:[ {_ZWNJ}]{_PLAIN_LETTERS})*")
"""Names that fold to themselves, which most do: letters that nothing combines with, singly spaced."""
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc"})


@dataclass(frozen=True)
class PersonName:
    """A person as a certificate's subject names one. Who has a single name has one of the two parts."""

    identity: str | ForeignIdentity = field(repr=False)
    """A national code, or a foreign national's identity."""
    given_name: str | None = field(repr=False)
    surname: str | None = field(repr=False)
    common_name: str = field(repr=False)


def fold(field_name: str, value: str) -> str:
    """A name as it is signed: Arabic ي ى ك folded to Persian ی ک, NFC, single spaces. Raises SubjectError."""
    if len(value) <= MAX_NAME and _PLAIN.fullmatch(value):
        return value
    if len(value) > _MAX_GIVEN:  # before it is normalised, which takes its time
        raise SubjectError(field_name, f"must have 1 to {MAX_NAME} characters")
    folded = unicodedata.normalize("NFC", " ".join(value.translate(_FOLDED).split()))
    if not folded or len(folded) > MAX_NAME:
        raise SubjectError(field_name, f"must have 1 to {MAX_NAME} characters")
    if not all(char in _JOINERS or unicodedata.category(char) in _LETTERS for char in folded):
        raise SubjectError(field_name, "holds a character that no name has")
    if not any(unicodedata.category(char).startswith("L") for char in folded):
        raise SubjectError(field_name, "holds no letter")
    if _is_mark(folded[0]):
        raise SubjectError(field_name, "begins with a mark that has no letter")
    return folded


def person_name(identity: str | ForeignIdentity, given_name: str | None, surname: str | None) -> PersonName:
    """The folded and checked name of a person; None for the part that a single name hasn't.

    EN 319 412-2 NAT-4.2.4-1 asks for givenName or surname or both; a single name is no pseudonym.
    Raises SubjectError.
    """
    semantics_identifier(identity)
    given = None if given_name is None else fold("given_name", given_name)
    family = None if surname is None else fold("surname", surname)
    if given is None and family is None:
        raise SubjectError("surname", "and given_name are both absent")
    return PersonName(identity, given, family, common_name(given, family))


def common_name(given_name: str | None, surname: str | None) -> str:
    """All of the name, shortened at a space where it is too long for a CN: GN and SN hold it whole.

    EN 319 412-2 NAT-4.2.4-18 admits a longer CN; readers that hold to RFC 5280 refuse the certificate.
    """
    whole = " ".join(part for part in (given_name, surname) if part)
    if len(whole) <= MAX_COMMON_NAME:
        return whole
    head, _, _rest = whole[: MAX_COMMON_NAME + 1].rpartition(" ")
    return head or _cut(whole)


def _cut(text: str) -> str:
    """The beginning of one long word, letters with their marks."""
    end = MAX_COMMON_NAME
    while end and _is_mark(text[end]):
        end -= 1
    return text[: end or MAX_COMMON_NAME].rstrip("".join(_JOINERS))


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")


def encode_person(name: PersonName) -> bytes:
    """DER Name: C, SN, GN (one of the two for a single name), serialNumber, CN, each an RDN of its own.

    C is this country for everyone: the context in which the others are to be read, not a nationality.
    """
    names = ((oids.SURNAME, name.surname), (oids.GIVEN_NAME, name.given_name))
    return der.sequence(
        (
            _rdn(oids.COUNTRY_NAME, _PRINTABLE_STRING, COUNTRY.code),
            *(_rdn(oid, _UTF8_STRING, text) for oid, text in names if text is not None),
            _rdn(oids.SERIAL_NUMBER, _PRINTABLE_STRING, semantics_identifier(name.identity)),
            _rdn(oids.COMMON_NAME, _UTF8_STRING, name.common_name),
        )
    )


def encode_institution(common_name: str) -> bytes:
    """DER Name of one of our own CAs or responders, or of a host: C, O, CN.

    Raises SubjectError: a CN has 1 to 64 characters (RFC 5280 appendix A); some host names are longer.
    """
    if not 1 <= len(common_name) <= MAX_COMMON_NAME:
        raise SubjectError("common_name", f"has not 1 to {MAX_COMMON_NAME} characters")
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
_SURNAME, _GIVEN_NAME = der.object_identifier(oids.SURNAME), der.object_identifier(oids.GIVEN_NAME)
_FIRST = (der.object_identifier(oids.COUNTRY_NAME),)
_LAST = (der.object_identifier(oids.SERIAL_NUMBER), _COMMON_NAME)
_PERSON_FORMS = frozenset(
    (*_FIRST, *names, *_LAST) for names in ((_SURNAME, _GIVEN_NAME), (_SURNAME,), (_GIVEN_NAME,))
)


def read_person(name: bytes) -> PersonName:
    """The person whom a DER Name names. Raises SubjectError when it is no person's."""
    try:
        attributes = read_name(name)
    except der.DerError as error:
        raise SubjectError("subject", "is not a citizen's name") from error
    if tuple(oid for oid, _ in attributes) not in _PERSON_FORMS:
        raise SubjectError("subject", "must have C, SN or GN or both, serialNumber and CN, in this order")
    by_type = dict(attributes)
    country, (serial_number, common_name) = attributes[0][1], (text for _, text in attributes[-2:])
    if country != COUNTRY.code:
        raise SubjectError("countryName", f"must be {COUNTRY.code}")
    identity = read_identity(serial_number)
    return PersonName(identity, by_type.get(_GIVEN_NAME), by_type.get(_SURNAME), common_name)
