"""BER-TLV (ISO/IEC 7816-4 clause 5.2.2) as far as a card reads and writes it: definite lengths, bounded."""

from simulators.card.iso7816 import SW, StatusError

MAX_TAG_BYTES = 3
MAX_LENGTH_BYTES = 3  # 82 xx xx: up to 65,535 bytes
MAX_ELEMENTS = 16
_TAG_NUMBER_MASK = 0x1F  # all ones: the tag goes on in the next byte
_TAG_CONTINUES = 0x80
_LONG_LENGTH = 0x80
_ONE_LENGTH_BYTE = 0x81
_TWO_LENGTH_BYTES = 0x82


def encode(tag: int, value: bytes) -> bytes:
    """One element with the shortest length field; `value` has at most 65,535 bytes."""
    tag_bytes = tag.to_bytes((tag.bit_length() + 7) // 8, "big")
    return tag_bytes + _encode_length(len(value)) + value


def _encode_length(length: int) -> bytes:
    if length < _LONG_LENGTH:
        return bytes((length,))
    if length < 1 << 8:
        return bytes((_ONE_LENGTH_BYTE, length))
    return bytes((_TWO_LENGTH_BYTES,)) + length.to_bytes(2, "big")


def parse(data: bytes) -> list[tuple[int, bytes]]:
    """All elements of `data` in their order, as (tag, value).

    :raises StatusError: 6A80, truncated, malformed or too many elements
    """
    elements: list[tuple[int, bytes]] = []
    position = 0
    while position < len(data):
        tag, position = _parse_tag(data, position)
        length, position = _parse_length(data, position)
        end = position + length
        if end > len(data) or len(elements) == MAX_ELEMENTS:
            raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
        elements.append((tag, data[position:end]))
        position = end
    return elements


def parse_one(tag: int, data: bytes) -> bytes:
    """The value of the one element `tag` that `data` must be.

    :raises StatusError: 6A80, another tag, or anything beside it
    """
    elements = parse(data)
    if len(elements) != 1 or elements[0][0] != tag:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    return elements[0][1]


def parse_unique(data: bytes) -> dict[int, bytes]:
    """The elements of `data` by tag; no tag twice.

    :raises StatusError: 6A80
    """
    elements = parse(data)
    unique = dict(elements)
    if len(unique) != len(elements):
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    return unique


def parse_template(tag: int, data: bytes) -> dict[int, bytes]:
    """The elements inside the one template `tag` that `data` must be; no tag twice.

    :raises StatusError: 6A80
    """
    return parse_unique(parse_one(tag, data))


def _parse_tag(data: bytes, position: int) -> tuple[int, int]:
    start = position
    first = data[position]
    position += 1
    if first & _TAG_NUMBER_MASK != _TAG_NUMBER_MASK:
        return first, position
    more = True
    while more:
        if position == len(data) or position - start == MAX_TAG_BYTES:
            raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
        more = bool(data[position] & _TAG_CONTINUES)
        position += 1
    return int.from_bytes(data[start:position], "big"), position


def _parse_length(data: bytes, position: int) -> tuple[int, int]:
    if position == len(data):
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    first = data[position]
    position += 1
    if first < _LONG_LENGTH:
        return first, position
    count = first - _LONG_LENGTH
    if not 0 < count < MAX_LENGTH_BYTES or position + count > len(data):
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    return int.from_bytes(data[position : position + count], "big"), position + count
