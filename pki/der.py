"""A strict DER reader and writer (ITU-T X.690), for what is read or written faster or more exactly by hand.

Used where bytes must be echoed untouched (OCSP), written in linear time (CRLs), or looked at before they
are signed (lint). Single-byte tags only; definite, minimal lengths only.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
ENUMERATED = 0x0A
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
CONTEXT = 0x80
CONSTRUCTED = 0x20

_LONG_FORM = 0x80
_TWO_OCTETS = 0x82
_MULTI_BYTE_TAG = 0x1F
_MAX_LENGTH_OCTETS = 4
_FIRST_GENERALIZED_YEAR = 2050  # RFC 5280 §4.1.2.5
_BASE_128 = 0x7F
_CONTINUES = 0x80
_ROOT_ARC_FACTOR = 40  # X.690 §8.19.4


class DerError(ValueError):
    """The bytes are not the DER that was expected."""


Span: TypeAlias = tuple[int, int, int, int]
"""Where a value stands: its tag, its offset, and its content's start and end."""


class Element(NamedTuple):
    """One value: its tag, its content, and the exact bytes of the whole."""

    tag: int
    content: bytes
    raw: bytes

    def children(self) -> list["Element"]:
        """The values inside a constructed one."""
        return list(iterate(self.content))

    def integer(self) -> int:
        """The value of an INTEGER in its shortest form (§8.3.2)."""
        content = self.content
        if self.tag != INTEGER or not content:
            raise DerError("expected an INTEGER")
        if len(content) > 1 and (content[0], content[1] >> 7) in {(0x00, 0), (0xFF, 1)}:
            raise DerError("an INTEGER is not in its shortest form")
        return int.from_bytes(content, "big", signed=True)


def iterate(data: bytes) -> Iterator[Element]:
    """The values that stand one after the other in `data`. Raises DerError."""
    offset = 0
    while offset < len(data):
        element = _read(data, offset)
        yield element
        offset += len(element.raw)


def parse(data: bytes, tag: int) -> Element:
    """The one value that `data` is, with nothing after it. Raises DerError."""
    if not data:
        raise DerError("no bytes")
    element = _read(data, 0)
    if element.tag != tag:
        raise DerError(f"expected tag {tag:02x}, found {element.tag:02x}")
    if len(element.raw) != len(data):
        raise DerError("bytes follow the value")
    return element


def _read(data: bytes, offset: int) -> Element:
    tag, start, end = header(data, offset)
    return Element(tag, data[start:end], data[offset:end])


def header(data: bytes, offset: int) -> tuple[int, int, int]:
    """The tag at `offset`, and where its content starts and ends, for readers that copy nothing.

    Raises DerError, also where `offset` is the end.
    """
    if offset >= len(data):
        raise DerError("a value is missing")
    tag = data[offset]
    if tag & _MULTI_BYTE_TAG == _MULTI_BYTE_TAG:
        raise DerError("tags of several bytes are not used here")
    length, start = _read_length(data, offset + 1)
    end = start + length
    if end > len(data):
        raise DerError("the value is cut off")
    return tag, start, end


def spans(data: bytes, start: int, end: int) -> list[Span]:
    """The values between `start` and `end`, nothing copied.

    The same rules as `iterate`, for readers of many values. Raises DerError.
    """
    found = []
    offset = start
    try:
        while offset < end:
            tag, first = data[offset], data[offset + 1]
            # The two usual forms of a length in place, all others and all errors by `header`.
            if tag & _MULTI_BYTE_TAG == _MULTI_BYTE_TAG:
                tag, begin, stop = header(data, offset)
            elif first < _LONG_FORM:
                begin = offset + 2
                stop = begin + first
            elif first == _TWO_OCTETS and data[offset + 2]:
                begin = offset + 4
                stop = begin + (data[offset + 2] << 8 | data[offset + 3])
            else:
                tag, begin, stop = header(data, offset)
            if stop > end:
                raise DerError("the value is cut off")
            found.append((tag, offset, begin, stop))
            offset = stop
    except IndexError as error:
        raise DerError("the value is cut off") from error
    return found


def _read_length(data: bytes, offset: int) -> tuple[int, int]:
    if offset >= len(data):
        raise DerError("the length is cut off")
    first = data[offset]
    if first < _LONG_FORM:
        return first, offset + 1
    count = first & ~_LONG_FORM
    end = offset + 1 + count
    if not 1 <= count <= _MAX_LENGTH_OCTETS or end > len(data):
        raise DerError("the length is indefinite, too long or cut off")
    length = int.from_bytes(data[offset + 1 : end], "big")
    if length < _LONG_FORM or data[offset + 1] == 0:
        raise DerError("the length is not in its shortest form")
    return length, end


def encode(tag: int, content: bytes) -> bytes:
    """Tag, length, content."""
    length = len(content)
    if length < _LONG_FORM:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(octets))) + octets + content


def sequence(parts: Iterable[bytes]) -> bytes:
    """SEQUENCE of values already encoded."""
    return encode(SEQUENCE, b"".join(parts))


def context(number: int, content: bytes, *, constructed: bool = True) -> bytes:
    """The context-specific tag [number]: EXPLICIT, or IMPLICIT of a constructed type, unless primitive."""
    return encode(CONTEXT | (CONSTRUCTED if constructed else 0) | number, content)


def integer(value: int) -> bytes:
    """INTEGER in its shortest form."""
    length = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return encode(INTEGER, value.to_bytes(length, "big", signed=True))


def enumerated(value: int) -> bytes:
    """ENUMERATED below 128."""
    return encode(ENUMERATED, bytes((value,)))


def bit_string(content: bytes) -> bytes:
    """BIT STRING of whole bytes."""
    return encode(BIT_STRING, b"\x00" + content)


def octet_string(content: bytes) -> bytes:
    """OCTET STRING."""
    return encode(OCTET_STRING, content)


def object_identifier(dotted: str) -> bytes:
    """OBJECT IDENTIFIER from its dotted form (§8.19)."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    arcs = [first * _ROOT_ARC_FACTOR + second, *rest]
    return encode(OBJECT_IDENTIFIER, b"".join(_base_128(arc) for arc in arcs))


def _base_128(value: int) -> bytes:
    octets = [value & _BASE_128]
    while value := value >> 7:
        octets.append(value & _BASE_128 | _CONTINUES)
    return bytes(reversed(octets))


def generalized_time(moment: datetime) -> bytes:
    """GeneralizedTime in whole UTC seconds (RFC 5280 §4.1.2.5.2)."""
    return encode(GENERALIZED_TIME, moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode())


def time(moment: datetime) -> bytes:
    """Time as RFC 5280 §4.1.2.5 wants it: UTCTime to 2049, GeneralizedTime from 2050."""
    utc = moment.astimezone(UTC)
    if utc.year >= _FIRST_GENERALIZED_YEAR:
        return generalized_time(utc)
    return encode(UTC_TIME, utc.strftime("%y%m%d%H%M%SZ").encode())


def extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    """Extension ::= SEQUENCE { extnID, critical DEFAULT FALSE, extnValue OCTET STRING } (RFC 5280 §4.1)."""
    flag = encode(BOOLEAN, b"\xff") if critical else b""
    return sequence((object_identifier(oid), flag, encode(OCTET_STRING, value)))
