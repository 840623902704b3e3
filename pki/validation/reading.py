"""Small readers that certificates, CRLs and OCSP answers share. All raise DerError."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, wraps
from typing import TypeVar, cast

from pki import der, oids
from pki.der import DerError, Element

T = TypeVar("T")

_UTC_TIME_LENGTH = 13  # YYMMDDHHMMSSZ, RFC 5280 §4.1.2.5.1
_GENERALIZED_TIME_LENGTH = 15  # YYYYMMDDHHMMSSZ, RFC 5280 §4.1.2.5.2
_FIRST_UTC_YEAR = "50"  # RFC 5280 §4.1.2.5.1: 50 to 99 are in the twentieth century
_MAX_OID_BYTES = 64
_ROOT_ARCS = 2
_ROOT_ARC_FACTOR = 40
_CACHED_BYTES = 1024
"""Longer values are read anew each time, so that the caches stay small whatever strangers send."""
_DER_TRUE = b"\xff"
_FALSE = b"\x00"


class Extension:
    """One extension as it stands there. It remembers what its value was read as.

    A CA writes most extensions alike into each certificate; `extension` gives the same object for them.
    """

    __slots__ = ("_known", "critical", "judged", "oid", "value")

    def __init__(self, oid: str, value: bytes, *, critical: bool) -> None:
        self.oid = oid
        self.critical = critical
        self.value = value
        """The content of extnValue."""
        self.judged = False
        """Known to be readable, and understood if it is critical."""
        self._known: tuple[object, object] = (None, None)

    def read(self, reader: Callable[[bytes], T]) -> T:
        """What `reader` makes of the value. Raises DerError."""
        by, found = self._known  # one assignment sets both: threads may share an extension
        if by is not reader:
            found = reader(self.value)
            self._known = reader, found
        return cast("T", found)


def cached(read: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """The same reader, remembering short values: a CA writes most extensions alike into each certificate."""
    remembered = lru_cache(maxsize=1024)(read)

    @wraps(read)
    def reader(value: bytes) -> T:
        return remembered(value) if len(value) <= _CACHED_BYTES else read(value)

    return reader


def moment(tag: int, content: bytes) -> datetime:
    """A Time in one of the two forms that RFC 5280 §4.1.2.5 admits."""
    digits = content[:-1]
    if content[-1:] != b"Z" or not digits.isdigit():
        raise DerError("a time is not digits in UTC")
    text = digits.decode("ascii")
    if tag == der.UTC_TIME and len(content) == _UTC_TIME_LENGTH:
        text = ("19" if text[:2] >= _FIRST_UTC_YEAR else "20") + text
    elif tag != der.GENERALIZED_TIME or len(content) != _GENERALIZED_TIME_LENGTH:
        raise DerError("a time is in neither of the two forms")
    try:
        return datetime.fromisoformat(f"{text[:8]}T{text[8:]}+00:00")
    except ValueError as error:
        raise DerError("a time is not in the calendar") from error


@lru_cache(maxsize=4096)
def dotted(content: bytes) -> str:
    """The dotted form of an OBJECT IDENTIFIER's content (X.690 §8.19)."""
    if not content or content[-1] & 0x80 or len(content) > _MAX_OID_BYTES:
        raise DerError("an object identifier is empty, cut off or too long")
    arcs: list[int] = []
    value, fresh = 0, True
    for octet in content:
        if fresh and octet == 0x80:  # noqa: PLR2004 - X.690 §8.19.2: no leading zeros
            raise DerError("an object identifier is not in its shortest form")
        value = value << 7 | octet & 0x7F
        fresh = octet < 0x80  # noqa: PLR2004 - the last octet of an arc
        if fresh:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // _ROOT_ARC_FACTOR, _ROOT_ARCS)
    return ".".join(map(str, (first, arcs[0] - first * _ROOT_ARC_FACTOR, *arcs[1:])))


def identifier(element: Element) -> str:
    """An OBJECT IDENTIFIER, dotted."""
    if element.tag != der.OBJECT_IDENTIFIER:
        raise DerError("expected an OBJECT IDENTIFIER")
    return dotted(element.content)


def boolean(content: bytes) -> bool:
    """A BOOLEAN's content; an encoded DEFAULT FALSE is let through."""
    if content not in {_DER_TRUE, _FALSE}:
        raise DerError("a BOOLEAN is neither 00 nor FF")
    return content == _DER_TRUE


def bits(content: bytes) -> frozenset[int]:
    """The numbers of the bits that a named BIT STRING has set."""
    if not content or content[0] > 7 or (len(content) == 1 and content[0]):  # noqa: PLR2004 - X.690 §8.6.2
        raise DerError("a BIT STRING has no right count of unused bits")
    length = (len(content) - 1) * 8 - content[0]
    return frozenset(n for n in range(length) if content[1 + n // 8] >> (7 - n % 8) & 1)


def whole_bytes(tag: int, content: bytes) -> bytes:
    """A BIT STRING of whole bytes: signatures, keys."""
    if tag != der.BIT_STRING or not content or content[0]:
        raise DerError("expected a BIT STRING of whole bytes")
    return content[1:]


def signature_bytes(tag: int, content: bytes) -> bytes:
    """A signature; one that isn't of whole bytes comes out empty, for no key to verify."""
    if tag != der.BIT_STRING or not content:
        raise DerError("expected a BIT STRING")
    return b"" if content[0] else content[1:]


def small_count(element: Element) -> int:
    """An INTEGER of 0 or more: SkipCerts, pathLenConstraint."""
    value = element.integer()
    if value < 0:
        raise DerError("a count is negative")
    return value


def members(value: bytes, *, tag: int = der.SEQUENCE) -> list[Element]:
    """The values inside the one constructed value that `value` is."""
    return der.parse(value, tag).children()


def some_members(value: bytes) -> list[Element]:
    """`members` of a SEQUENCE SIZE (1..MAX)."""
    found = members(value)
    if not found:
        raise DerError("a list that must not be empty is")
    return found


def tagged(elements: list[Element], allowed: frozenset[int]) -> dict[int, Element]:
    """Context-specific optional parts by their tag: each at most once, in order, none but `allowed`."""
    found = {element.tag: element for element in elements}
    numbers = [element.tag & 0x1F for element in elements]
    if len(found) != len(elements) or numbers != sorted(numbers) or not allowed.issuperset(found):
        raise DerError("an optional part is unknown, doubled or out of order")
    return found


def implicit(element: Element, tag: int) -> bytes:
    """The encoding that an IMPLICIT tag replaced."""
    return der.encode(tag, element.content)


@cached
def extension(raw: bytes) -> Extension:
    """Extension ::= SEQUENCE { extnID, critical DEFAULT FALSE, extnValue } (RFC 5280 §4.1)."""
    tag, start, end = der.header(raw, 0)
    if tag != der.SEQUENCE:
        raise DerError("an extension is a SEQUENCE")
    parts = der.spans(raw, start, end)
    critical = len(parts) == 3 and parts[1][0] == der.BOOLEAN  # noqa: PLR2004 - the flag is optional
    if len(parts) != 2 + critical or parts[0][0] != der.OBJECT_IDENTIFIER or parts[-1][0] != der.OCTET_STRING:
        raise DerError("an extension has other parts than it should")
    (_, _, first, after), (_, _, begin, stop) = parts[0], parts[-1]
    flag = critical and boolean(raw[parts[1][2] : parts[1][3]])
    return Extension(dotted(raw[first:after]), raw[begin:stop], critical=flag)


_KEY_IDENTIFIER = bytes.fromhex("301d0603551d0e04160414")
"""How a subjectKeyIdentifier of 20 bytes begins (RFC 5280 §4.2.1.2): what differs in each certificate."""
_KEY_IDENTIFIER_BYTES = 31
_KEY_IDENTIFIER_VALUE = 9
"""Where the content of its extnValue begins."""


def extensions(data: bytes, start: int, end: int) -> dict[str, Extension]:
    """The Extensions SEQUENCE that stands between `start` and `end`, by dotted identifier."""
    outer = der.spans(data, start, end)
    if len(outer) != 1 or outer[0][0] != der.SEQUENCE or outer[0][2] == outer[0][3]:
        raise DerError("extensions are one SEQUENCE that is not empty")
    return _around_key(data[outer[0][2] : outer[0][3]])


def _around_key(content: bytes) -> dict[str, Extension]:
    """What a CA writes before and after the key identifier is the same each time: both are remembered.

    Cutting there is safe: if what stands before is whole extensions, the next begins at the cut.
    """
    cut = content.find(_KEY_IDENTIFIER)
    after = cut + _KEY_IDENTIFIER_BYTES
    if cut < 0 or after > len(content):
        return dict(_run(content))
    try:
        before, behind = _run(content[:cut]), _run(content[after:])
    except DerError:  # the cut was inside of another extension
        return dict(_run(content))
    key = Extension(oids.SUBJECT_KEY_IDENTIFIER, content[cut + _KEY_IDENTIFIER_VALUE : after], critical=False)
    key.judged = True  # it is an OCTET STRING of 20 bytes
    found = {**before, key.oid: key, **behind}
    if len(found) != len(before) + 1 + len(behind):
        raise DerError("an extension stands there twice")
    return found


@cached
def _run(content: bytes) -> Mapping[str, Extension]:
    """Extensions one after the other. The caller copies: this mapping is shared."""
    found = [extension(content[offset:stop]) for _, offset, _, stop in der.spans(content, 0, len(content))]
    by_oid = {item.oid: item for item in found}
    if len(by_oid) != len(found):
        raise DerError("an extension stands there twice")
    return by_oid
