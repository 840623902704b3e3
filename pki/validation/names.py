"""Names, compared as RFC 5280 §7.1 wants it: prepared by RFC 4518, then RDN by RDN."""

import unicodedata
from collections.abc import Iterator
from itertools import groupby
from typing import TypeAlias

from pki import der, oids
from pki.der import DerError, Element
from pki.validation.reading import cached, dotted, identifier, members

Attribute: TypeAlias = tuple[str, str | bytes]
"""Its type, dotted, and its value: prepared text, or DER where only equal bytes are equal."""
Rdn: TypeAlias = frozenset[Attribute]
ComparableName: TypeAlias = tuple[Rdn, ...]

_SET = 0x31
_IA5_STRING = 0x16
_CODECS = {
    0x0C: "utf-8",  # UTF8String
    0x12: "ascii",  # NumericString
    0x13: "ascii",  # PrintableString
    _IA5_STRING: "ascii",
    0x1A: "ascii",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
"""The kinds of text that are compared with each other; TeletexString and others only byte by byte."""
_ASCII_AT_MOST = frozenset({0x14, 0x15, 0x19, 0x1B})
"""TeletexString, VideotexString, GraphicString, GeneralString: what lies beyond ASCII, nobody reads alike."""
_EXACT = frozenset({der.BOOLEAN, der.INTEGER, der.BIT_STRING, der.OBJECT_IDENTIFIER, der.GENERALIZED_TIME})
"""Kinds of values that DER writes in one way only."""
_MAX_RDNS = 128
_MAX_CHARACTERS = 1_024
_MAX_MARKS = 30
"""Combining characters in a row: the Stream-Safe Text Format of UAX #15 §13.

Ordering them takes time that grows with their square, and no language has longer runs.
"""
_VANISHING = frozenset(
    "\u00ad\u034f\u1806\ufffc" + "".join(map(chr, (*range(0x180B, 0x180E), *range(0xFE00, 0xFE10))))
)
_SPACING = frozenset("\t\n\v\f\r\u0085")
_UNDEFINED = frozenset({"Cn", "Co", "Cs"})


@cached
def comparable(name: bytes) -> ComparableName:
    """A DER Name in the form in which equal names are equal values. Raises DerError."""
    rdns = members(name)
    if len(rdns) > _MAX_RDNS:
        raise DerError("a name has too many parts")
    return tuple(_rdn(rdn) for rdn in rdns)


def _rdn(rdn: Element) -> Rdn:
    if rdn.tag != _SET or not rdn.content:
        raise DerError("a Name consists of SETs that are not empty")
    return frozenset(_attribute(pair) for pair in rdn.children())


def _attribute(pair: Element) -> Attribute:
    oid, value = _pair(pair)
    text = _text(value)
    return identifier(oid), value.raw if text is None else text


def _pair(pair: Element) -> tuple[Element, Element]:
    parts = der.parse(pair.raw, der.SEQUENCE).children()
    if len(parts) != 2:  # noqa: PLR2004 - AttributeTypeAndValue ::= SEQUENCE { type, value }
        raise DerError("an attribute has a type and a value")
    return parts[0], parts[1]


def _text(value: Element) -> str | None:
    codec = _CODECS.get(value.tag)
    if codec is None:
        return None
    try:
        return prepared(value.content.decode(codec))
    except UnicodeDecodeError as error:
        raise DerError("an attribute's text is not what its type says") from error


def prepared(text: str) -> str | None:
    """Text without what RFC 4518 §2 calls insignificant, case folded; None if it can't be prepared."""
    if text.isascii() and text.isprintable():
        return " ".join(text.lower().split())
    if len(text) > _MAX_CHARACTERS:
        return None
    mapped = "".join(_mapped(text))
    if _most_marks(mapped) > _MAX_MARKS:
        return None
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", mapped).casefold())
    if any(char == "\ufffd" or unicodedata.category(char) in _UNDEFINED for char in folded):
        return None
    return " ".join(folded.split())


def _most_marks(text: str) -> int:
    """The longest run of combining characters."""
    runs = groupby(text, lambda char: unicodedata.combining(char) != 0)
    return max((sum(1 for _ in run) for marks, run in runs if marks), default=0)


def _mapped(text: str) -> Iterator[str]:
    """RFC 4518 §2.2: separators become spaces; controls and joiners, U+200C too, become nothing."""
    for char in text:
        category = unicodedata.category(char)
        if char in _SPACING or category in {"Zs", "Zl", "Zp"}:
            yield " "
        elif char not in _VANISHING and category not in {"Cc", "Cf"}:
            yield char


def attributes(name: bytes) -> tuple[tuple[str, str | None], ...]:
    """Each attribute's type, dotted, and its text as it stands there, in the order of the DER Name.

    None: no text, or none that everybody reads alike. Raises DerError.
    """
    outer = der.spans(name, 0, len(name))
    if len(outer) != 1 or outer[0][0] != der.SEQUENCE:
        raise DerError("a Name is one SEQUENCE")
    rdns = der.spans(name, outer[0][2], outer[0][3])
    if len(rdns) > _MAX_RDNS:
        raise DerError("a name has too many parts")
    return tuple(_verbatim_attribute(name, pair) for rdn in rdns for pair in der.spans(name, rdn[2], rdn[3]))


def _verbatim_attribute(name: bytes, pair: der.Span) -> tuple[str, str | None]:
    tag, _, start, end = pair
    parts = der.spans(name, start, end)
    if tag != der.SEQUENCE or [part[0] for part in parts[:1]] != [der.OBJECT_IDENTIFIER] or len(parts) != 2:  # noqa: PLR2004 - AttributeTypeAndValue ::= SEQUENCE { type, value }
        raise DerError("an attribute has a type and a value")
    (_, _, first, after), (kind, _, begin, stop) = parts
    return dotted(name[first:after]), _verbatim(kind, name[begin:stop])


def _verbatim(tag: int, content: bytes) -> str | None:
    codec = _CODECS.get(tag)
    if codec is None:
        return content.decode("ascii") if tag in _ASCII_AT_MOST and content.isascii() else None
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        raise DerError("an attribute's text is not what its type says") from error


def within(name: bytes, base: bytes) -> bool:
    """Whether a DER Name lies in the subtree that `base` is the top of, beyond doubt. Raises DerError."""
    top = _for_constraints(base)
    return _for_constraints(name)[: len(top)] == top


def may_be_within(name: bytes, base: bytes) -> bool:
    """Whether it lies there, or may: text of a kind that can't be compared equals any. Raises DerError."""
    top, below = _for_constraints(base), _for_constraints(name)
    return len(below) >= len(top) and all(map(_may_be_same_rdn, below, top))


@cached
def _for_constraints(name: bytes) -> ComparableName:
    """`comparable`, but TeletexString and its like count as text as far as they are ASCII.

    Chaining compares these byte by byte (§7.1 admits it): there a second spelling only leads nowhere. Here it
    would pass by an excluded subtree.
    """
    comparable(name)  # the same bounds
    return tuple(
        frozenset((identifier(oid), _plain_text(value)) for oid, value in map(_pair, rdn.children()))
        for rdn in members(name)
    )


def _plain_text(value: Element) -> str | bytes:
    if value.tag in _ASCII_AT_MOST and value.content.isascii():
        text = prepared(value.content.decode("ascii"))
    else:
        text = _text(value)
    return value.raw if text is None else text


def _may_be_same_rdn(one: Rdn, other: Rdn) -> bool:
    return len(one) == len(other) and all(any(_may_be_same(a, b) for a in one) for b in other)


def _may_be_same(one: Attribute, other: Attribute) -> bool:
    """Values that are no text, of one kind, are the same only if their bytes are (§7.1)."""
    (kind, value), (other_kind, other_value) = one, other
    if kind != other_kind:
        return False
    if isinstance(value, bytes) and isinstance(other_value, bytes):
        settled = value[0] == other_value[0] and value[0] in _EXACT
        return value == other_value or not settled
    return value == other_value or isinstance(value, bytes) or isinstance(other_value, bytes)


@cached
def email_addresses(name: bytes) -> tuple[bytes, ...]:
    """The emailAddress attributes of a DER Name, as they stand there. Raises DerError."""
    pairs = (_pair(pair) for rdn in members(name) for pair in rdn.children())
    return tuple(value.content for oid, value in pairs if identifier(oid) == oids.EMAIL_ADDRESS)
