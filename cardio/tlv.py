"""Bounded BER-TLV (ISO/IEC 7816-4:2020 clause 6.3; ISO/IEC 8825-1 with definite lengths)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cardio.errors import CardError

_TAG_NUMBER_FOLLOWS = 0x1F  # low five bits all set: the number is in the next bytes
_MORE_TAG_BYTES = 0x80
_CONSTRUCTED = 0x20
_LONG_LENGTH = 0x80
_MAX_TAG_BYTES = 3  # ISO/IEC 7816-4 allows no more
_MAX_LENGTH_BYTES = 4  # 84 xx xx xx xx is the longest form allowed
_BYTE_BITS = 8
_KNOWN_TAGS = 256


class TlvError(CardError):
    """Bytes that are no BER-TLV within the limits; `offset` is where, within the data parsed."""

    def __init__(self, detail: str, offset: int = 0) -> None:
        super().__init__(f"not a BER-TLV at byte {offset}: {detail}")
        self.detail = detail
        self.offset = offset


@dataclass(frozen=True)
class TlvLimits:
    """What a decoder accepts from a card, which may be hostile."""

    max_bytes: int = 131_072
    """Longest input, in bytes."""

    max_count: int = 512
    """Most data objects in one parse, at all depths together."""

    max_depth: int = 12
    """Deepest nesting; 1 is a flat list."""


DEFAULT_LIMITS = TlvLimits()


@dataclass(frozen=True)
class Tlv:
    """One data object. `tag` holds the tag's bytes as a number, e.g. 0x5FC102 or 0x7F49."""

    tag: int
    value: bytes

    def encode(self) -> bytes:
        """Tag, shortest length, value.

        :raises TlvError: `tag` is not the bytes of one tag
        """
        return _encode_tag(self.tag) + _encode_length(len(self.value)) + self.value

    @property
    def constructed(self) -> bool:
        """Whether the tag says that the value is made of data objects."""
        first_byte = self.tag >> (_BYTE_BITS * (_byte_count(self.tag) - 1))
        return bool(first_byte & _CONSTRUCTED)

    @staticmethod
    def parse_all(data: bytes, limits: TlvLimits = DEFAULT_LIMITS) -> "list[Tlv]":
        """All data objects standing side by side in `data`; empty data gives none.

        :raises TlvError: cut short, malformed, or beyond the limits
        """
        return [Tlv(tag, value) for _, tag, value in _objects(data, limits, _Budget(limits.max_count))]

    @staticmethod
    def unpack(tag: int, data: bytes, limits: TlvLimits = DEFAULT_LIMITS) -> bytes:
        """The value of the one data object that `data` consists of, which must have this tag.

        :raises TlvError: another tag, or anything beside it
        """
        objects = list(_objects(data, limits, _Budget(limits.max_count)))
        if len(objects) != 1:
            raise TlvError(f"one data object {tag:X} expected, {len(objects)} found")
        _, found, value = objects[0]
        if found != tag:
            raise TlvError(f"tag {tag:X} expected, {found:X} found")
        return value


def walk(data: bytes, limits: TlvLimits = DEFAULT_LIMITS) -> Iterator[tuple[int, Tlv]]:
    """All data objects and, below constructed ones, their parts: (depth from 1, object), parents first.

    :raises TlvError: malformed at any depth, or beyond the limits
    """
    yield from _walk(data, limits, _Budget(limits.max_count), depth=1)


def values_by_tag(data: bytes, limits: TlvLimits = DEFAULT_LIMITS) -> dict[int, bytes]:
    """The values of the data objects side by side in `data`, by tag.

    :raises TlvError: malformed, or a tag that comes twice
    """
    values: dict[int, bytes] = {}
    for offset, tag, value in _objects(data, limits, _Budget(limits.max_count)):
        if tag in values:
            raise TlvError(f"tag {tag:X} comes twice", offset)
        values[tag] = value
    return values


@dataclass
class _Budget:
    """Counts down the data objects that may still be read."""

    left: int

    def spend(self, offset: int) -> None:
        if self.left <= 0:
            raise TlvError("too many data objects", offset)
        self.left -= 1


def _walk(data: bytes, limits: TlvLimits, budget: _Budget, depth: int) -> Iterator[tuple[int, Tlv]]:
    if depth > limits.max_depth:
        raise TlvError("nested too deeply")
    for _, tag, value in _objects(data, limits, budget):
        tlv = Tlv(tag, value)
        yield depth, tlv
        if tlv.constructed and tlv.value:
            yield from _walk(tlv.value, limits, budget, depth + 1)


def _objects(data: bytes, limits: TlvLimits, budget: _Budget) -> Iterator[tuple[int, int, bytes]]:
    """Offset, tag and value of each data object."""
    if len(data) > limits.max_bytes:
        raise TlvError(f"{len(data)} bytes are more than {limits.max_bytes}")
    offset = 0
    while offset < len(data):
        budget.spend(offset)
        tag, at_length = _parse_tag(data, offset)
        length, at_value = _parse_length(data, at_length)
        end = at_value + length
        if end > len(data):
            raise TlvError(f"{length} bytes announced, {len(data) - at_value} there", at_length)
        yield offset, tag, data[at_value:end]
        offset = end


def _parse_tag(data: bytes, offset: int) -> tuple[int, int]:
    """The tag at `offset`, and where its length begins."""
    tag = data[offset]
    end = offset + 1
    if tag & _TAG_NUMBER_FOLLOWS == _TAG_NUMBER_FOLLOWS:
        while True:
            if end >= len(data):
                raise TlvError("the tag is cut short", offset)
            end += 1
            if not data[end - 1] & _MORE_TAG_BYTES:
                break
            if end - offset >= _MAX_TAG_BYTES:
                raise TlvError("the tag is too long", offset)
        tag = int.from_bytes(data[offset:end], "big")
    if tag == 0:
        raise TlvError("tag 00 is padding, not a data object", offset)
    return tag, end


def _parse_length(data: bytes, offset: int) -> tuple[int, int]:
    """The length at `offset`, and where the value begins."""
    if offset >= len(data):
        raise TlvError("the length is missing", offset)
    first = data[offset]
    if first < _LONG_LENGTH:
        return first, offset + 1
    count = first - _LONG_LENGTH
    if not 0 < count <= _MAX_LENGTH_BYTES:
        raise TlvError("the length has no form allowed here", offset)
    end = offset + 1 + count
    if end > len(data):
        raise TlvError("the length is cut short", offset)
    return int.from_bytes(data[offset + 1 : end], "big"), end


def _byte_count(number: int) -> int:
    return max(1, (number.bit_length() + _BYTE_BITS - 1) // _BYTE_BITS)


@lru_cache(_KNOWN_TAGS)
def _encode_tag(tag: int) -> bytes:
    if tag <= 0:
        raise TlvError(f"{tag} is no tag")
    encoded = tag.to_bytes(_byte_count(tag), "big")
    if _parse_tag(encoded, 0)[1] != len(encoded):
        raise TlvError(f"{tag:X} is not the bytes of one tag")
    return encoded


def _encode_length(length: int) -> bytes:
    if length < _LONG_LENGTH:
        return bytes((length,))
    count = _byte_count(length)
    if count > _MAX_LENGTH_BYTES:
        raise TlvError(f"a value of {length} bytes is too long")
    return bytes((_LONG_LENGTH | count,)) + length.to_bytes(count, "big")
