"""The two forms of names that stand in our certificates, and their fast strict reader."""

from pki import der, oids
from pki.lint.reader import header, oid_content

_UTF8_STRING, _PRINTABLE_STRING = 0x0C, 0x13
_SET = 0x31
_LONG_FORM = 0x80
_SHORT_HEAD = 11
"""SET, SEQUENCE, an identifier of three octets and the value's header, when all lengths are short."""


class Part:
    """One attribute of a form: its type and its value's tag."""

    def __init__(self, dotted: str, tag: int) -> None:
        self.oid = oid_content(dotted)
        self.tag = tag
        self.heads = tuple(self._head(size) for size in range(_LONG_FORM))
        """By the content's size of the RDN: what stands before the value if no length is long."""

    def _head(self, size: int) -> bytes:
        length = size - _SHORT_HEAD + 2
        if length < 0:
            return b"\x00"  # starts no RDN
        inner = bytes((der.SEQUENCE, size - 2, der.OBJECT_IDENTIFIER, len(self.oid)))
        return bytes((_SET, size)) + inner + self.oid + bytes((self.tag, length))


PERSON = (
    Part(oids.COUNTRY_NAME, _PRINTABLE_STRING),
    Part(oids.SURNAME, _UTF8_STRING),
    Part(oids.GIVEN_NAME, _UTF8_STRING),
    Part(oids.SERIAL_NUMBER, _PRINTABLE_STRING),
    Part(oids.COMMON_NAME, _UTF8_STRING),
)
"""A person: ETSI EN 319 412-2 §4.2.4, RFC 3739 §3.1.2."""
SINGLE_NAMES = ((*PERSON[:2], *PERSON[3:]), (PERSON[0], *PERSON[2:]))
"""A person of one name, which is a surname or a given name (NAT-4.2.4-1)."""
INSTITUTION = (
    Part(oids.COUNTRY_NAME, _PRINTABLE_STRING),
    Part(oids.ORGANIZATION_NAME, _UTF8_STRING),
    Part(oids.COMMON_NAME, _UTF8_STRING),
)
"""Anything else: a CA, a responder, a card, a service."""


def read_person(name: bytes) -> list[bytes]:
    """The values in PERSON's order, b"" for what a single name hasn't. Raises DerError, IndexError."""
    try:
        values = read_form(name, PERSON)
    except (der.DerError, IndexError):
        values = _read_single_name(name)
        filled = [value for value in values if value]
        whole = len(filled) == len(PERSON) - 1
    else:
        whole = all(values)
    if not whole:
        raise der.DerError("an attribute is empty")
    return values


def _read_single_name(name: bytes) -> list[bytes]:
    surname_only, given_name_only = SINGLE_NAMES
    try:
        values = read_form(name, surname_only)
        return [*values[:2], b"", *values[2:]]
    except (der.DerError, IndexError):
        values = read_form(name, given_name_only)
        return [values[0], b"", *values[1:]]


def read_form(name: bytes, form: tuple[Part, ...]) -> list[bytes]:
    """The values of a Name that has exactly this form, in order. Raises DerError, IndexError."""
    at, end = header(name, 0, der.SEQUENCE)
    values = []
    for part in form:
        size = name[at + 1]
        if size < _LONG_FORM and name.startswith(part.heads[size], at):
            value_at, at = at + _SHORT_HEAD, at + 2 + size
        else:
            value_at, at = _read_long(name, at, part)
        values.append(name[value_at:at])
    if at != end or end != len(name):
        raise der.DerError("the name has more than its form, or less")
    return values


def _read_long(name: bytes, at: int, part: Part) -> tuple[int, int]:
    """An RDN with a long length somewhere. Raises DerError."""
    pair, end = header(name, at, _SET)
    oid, pair_end = header(name, pair, der.SEQUENCE)
    oid, oid_end = header(name, oid, der.OBJECT_IDENTIFIER)
    value, value_end = header(name, oid_end, part.tag)
    if name[oid:oid_end] != part.oid or not value_end == pair_end == end:
        raise der.DerError("an attribute is not the form's")
    return value, end
