"""Data objects that GET DATA reads from a security domain: what the card is and which keys it has."""

from dataclasses import dataclass
from enum import IntEnum, unique

from cardio.errors import ObjectContentError
from cardio.tlv import Tlv, TlvError, TlvLimits

_LIMITS = TlvLimits(max_bytes=4096, max_count=256, max_depth=4)
_KEY_HEADER_BYTES = 2  # identifier and version
_EXTENDED_TYPE = b"\xff"  # the key type has a second byte, and the length two (table 11-29)
_EXTENDED_BYTES = 4
_BYTE_BITS = 8


@unique
class GpTag(IntEnum):
    """Tags of GPCS 2.3.1, 11.3.3 and 11.4.3, and Amendment D, 7.1."""

    CARD_DATA = 0x66
    CARD_RECOGNITION_DATA = 0x73
    SEQUENCE_COUNTER = 0xC1
    KEY_INFORMATION_TEMPLATE = 0xE0
    KEY_INFORMATION = 0xC0
    CPLC = 0x9F7F
    AID = 0x4F
    KEY_VERSION = 0xD2
    REGISTRY_ENTRY = 0xE3
    LIFE_CYCLE = 0x9F70
    PRIVILEGES = 0xC5
    FCI = 0x6F
    DF_NAME = 0x84


def value_of(tag: GpTag, name: str, data: bytes) -> bytes:
    """The value of the one object `tag` that `data` is; `data` itself where a card left the wrapper out.

    :raises ObjectContentError: begins as that object, and is cut short or followed by something
    """
    if not data.startswith(tag.to_bytes((tag.bit_length() + 7) // _BYTE_BITS, "big")):
        return data
    try:
        return Tlv.unpack(tag, data, _LIMITS)
    except TlvError as error:
        raise ObjectContentError(name, str(error)) from error


@dataclass(frozen=True)
class KeyInformation:
    """One key, as the card's key information template names it (GPCS 11.3.3.1)."""

    version: int
    """The key set that it belongs to."""

    identifier: int
    """1, 2, 3 for Key-ENC, Key-MAC, Key-DEK of SCP03."""

    components: tuple[tuple[int, int], ...]
    """Type (0x88 is AES; 0xFFxx has two bytes) and length in bytes of each component."""

    @staticmethod
    def parse_all(data: bytes) -> "tuple[KeyInformation, ...]":
        """Reads a key information template, with or without the wrapper E0.

        :raises ObjectContentError: malformed, or longer than any card's
        """
        name = "key information"
        content = value_of(GpTag.KEY_INFORMATION_TEMPLATE, name, data)
        try:
            objects = Tlv.parse_all(content, _LIMITS)
        except TlvError as error:
            raise ObjectContentError(name, str(error)) from error
        return tuple(_key(item.value) for item in objects if item.tag == GpTag.KEY_INFORMATION)


def _key(value: bytes) -> KeyInformation:
    if len(value) < _KEY_HEADER_BYTES:
        raise ObjectContentError("key information", "a key without identifier and version")
    identifier, version = value[:_KEY_HEADER_BYTES]
    fields = value[_KEY_HEADER_BYTES:]
    extended = fields.startswith(_EXTENDED_TYPE)
    components = _extended_components(fields) if extended else _basic_components(fields)
    return KeyInformation(version, identifier, components)


def _basic_components(pairs: bytes) -> tuple[tuple[int, int], ...]:
    if len(pairs) % 2:
        raise ObjectContentError("key information", "a type without a length")
    return tuple(zip(pairs[::2], pairs[1::2], strict=True))


def _extended_components(fields: bytes) -> tuple[tuple[int, int], ...]:
    """Type FFxx and a length of two bytes each; usage and access, which follow the last, are left out."""
    components = []
    while fields.startswith(_EXTENDED_TYPE):
        if len(fields) < _EXTENDED_BYTES:
            raise ObjectContentError("key information", "an extended type without a length")
        components.append(
            (int.from_bytes(fields[:2], "big"), int.from_bytes(fields[2:_EXTENDED_BYTES], "big"))
        )
        fields = fields[_EXTENDED_BYTES:]
    return tuple(components)


@dataclass(frozen=True)
class Cplc:
    """Card production life cycle data (42 bytes): who made the card, when, and its serial."""

    raw: bytes
    ic_fabricator: int
    ic_type: int
    operating_system: int
    ic_fabrication_date: int
    ic_serial_number: int
    ic_batch: int

    @staticmethod
    def parse(data: bytes) -> "Cplc":
        """Reads it with or without the wrapper 9F7F.

        :raises ObjectContentError: not 42 bytes
        """
        raw = value_of(GpTag.CPLC, "CPLC", data)
        if len(raw) != _CPLC_BYTES:
            raise ObjectContentError("CPLC", f"{len(raw)} bytes instead of {_CPLC_BYTES}")
        numbers = (int.from_bytes(raw[start:end], "big") for start, end in _CPLC_FIELDS)
        return Cplc(raw, *numbers)


_CPLC_BYTES = 42
_CPLC_FIELDS = ((0, 2), (2, 4), (4, 6), (10, 12), (12, 16), (16, 18))


@dataclass(frozen=True)
class CardData:
    """Card recognition data (GPCS H.2): which GlobalPlatform, and which secure channels."""

    gp_version: tuple[int, ...]
    """For example (2, 3, 1); empty where the card does not say."""

    secure_channels: tuple[tuple[int, int], ...]
    """Protocol and options i of each: (3, 0x70) is SCP03 with all."""

    @staticmethod
    def parse(data: bytes) -> "CardData":
        """Reads it with or without the wrapper 66.

        :raises ObjectContentError: malformed
        """
        name = "card data"
        try:
            content = Tlv.unpack(GpTag.CARD_RECOGNITION_DATA, value_of(GpTag.CARD_DATA, name, data), _LIMITS)
            identifiers = [_arcs(oid) for oid in _nested_oids(content)]
        except TlvError as error:
            raise ObjectContentError(name, str(error)) from error
        versions = [arcs[1:] for arcs in identifiers if arcs[:1] == (_ARC_VERSION,)]
        channels = [arcs[1:] for arcs in identifiers if arcs[:1] == (_ARC_SECURE_CHANNEL,)]
        return CardData(
            gp_version=versions[0] if versions else (),
            secure_channels=tuple((arcs[0], arcs[1]) for arcs in channels if len(arcs) == _SCP_ARCS),
        )


_OID = 0x06
_GLOBALPLATFORM = bytes.fromhex("2A864886FC6B")  # 1.2.840.114283
_ARC_VERSION = 2
_ARC_SECURE_CHANNEL = 4
_SCP_ARCS = 2  # protocol, i
_ARC_BITS = 7


def _nested_oids(content: bytes) -> list[bytes]:
    """The GlobalPlatform OIDs one level down, behind the organisation's own arcs."""
    nested = [part for item in Tlv.parse_all(content, _LIMITS) if item.constructed for part in _parts(item)]
    return [
        part.value[len(_GLOBALPLATFORM) :]
        for part in nested
        if part.tag == _OID and part.value.startswith(_GLOBALPLATFORM)
    ]


def _parts(item: Tlv) -> list[Tlv]:
    return Tlv.parse_all(item.value, _LIMITS)


def _arcs(encoded: bytes) -> tuple[int, ...]:
    """The arcs of an OID's tail (ISO/IEC 8825-1, 8.19.2)."""
    arcs = []
    arc = 0
    for byte in encoded:
        arc = arc << _ARC_BITS | byte & 0x7F
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
    return tuple(arcs)


def parse_sequence_counter(data: bytes) -> int:
    """The sequence counter of the default key set, with or without the wrapper C1 (Amendment D, 7.1).

    :raises ObjectContentError: not 3 bytes
    """
    name = "sequence counter"
    value = data if len(data) == _COUNTER_BYTES else value_of(GpTag.SEQUENCE_COUNTER, name, data)
    if len(value) != _COUNTER_BYTES:
        raise ObjectContentError(name, f"{len(value)} bytes instead of {_COUNTER_BYTES}")
    return int.from_bytes(value, "big")


_COUNTER_BYTES = 3
