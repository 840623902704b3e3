"""GeneralName (RFC 5280 §4.2.1.6): read, and compared where one must equal another."""

from enum import IntEnum, unique
from typing import NamedTuple

from pki import der
from pki.der import DerError, Element
from pki.validation.names import ComparableName, comparable
from pki.validation.reading import some_members


@unique
class Form(IntEnum):
    """The alternatives of the CHOICE: their tags."""

    OTHER_NAME = 0
    RFC822_NAME = 1
    DNS_NAME = 2
    X400_ADDRESS = 3
    DIRECTORY_NAME = 4
    EDI_PARTY_NAME = 5
    URI = 6
    IP_ADDRESS = 7
    REGISTERED_ID = 8


_CONSTRUCTED = frozenset({Form.OTHER_NAME, Form.X400_ADDRESS, Form.DIRECTORY_NAME, Form.EDI_PARTY_NAME})
_TEXT = frozenset({Form.RFC822_NAME, Form.DNS_NAME, Form.URI})
_TAGS = {der.CONTEXT | (der.CONSTRUCTED if form in _CONSTRUCTED else 0) | form: form for form in Form}


class GeneralName(NamedTuple):
    """One name: its form and the content of its encoding (for a directoryName the Name, DER)."""

    form: Form
    content: bytes


def general_name(element: Element) -> GeneralName:
    """Raises DerError when it has no form, or is text that isn't ASCII."""
    form = _TAGS.get(element.tag)
    if form is None:
        raise DerError("a GeneralName has none of the nine forms")
    if form in _TEXT and not element.content.isascii():
        raise DerError("a name that must be ASCII is not")
    if form is Form.DIRECTORY_NAME:
        comparable(element.content)
    return GeneralName(form, element.content)


def general_names(value: bytes) -> tuple[GeneralName, ...]:
    """GeneralNames ::= SEQUENCE SIZE (1..MAX) OF GeneralName. Raises DerError."""
    return tuple(general_name(element) for element in some_members(value))


def tagged_names(element: Element) -> tuple[GeneralName, ...]:
    """GeneralNames below an IMPLICIT tag. Raises DerError."""
    return general_names(der.encode(der.SEQUENCE, element.content))


def directory_names(names: tuple[GeneralName, ...]) -> frozenset[ComparableName]:
    """The directoryNames among them, for comparison."""
    return frozenset(comparable(name.content) for name in names if name.form is Form.DIRECTORY_NAME)


def overlap(some: tuple[GeneralName, ...], others: tuple[GeneralName, ...]) -> bool:
    """Whether one name stands in both lists: directory names by their comparable form, others by bytes."""
    return bool(set(some) & set(others)) or bool(directory_names(some) & directory_names(others))
