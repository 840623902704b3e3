"""Data objects that GET DATA reads from a security domain: what the card is (GPCS 2.3.1, 11.3.3)."""

from dataclasses import dataclass

from cardio.errors import ObjectContentError
from cardio.globalplatform.scp03 import SEQUENCE_COUNTER_BYTES
from cardio.globalplatform.tags import LIMITS, GpTag, value_of
from cardio.tlv import Tlv, TlvError

_CPLC_BYTES = 42
_CPLC_FIELDS = ((0, 2), (2, 4), (4, 6), (10, 12), (12, 16), (16, 18))  # in the order of `Cplc`
_OID = 0x06
_GLOBALPLATFORM = bytes.fromhex("2A864886FC6B")  # 1.2.840.114283
_VERSION_OF_GP = b"\x02"  # the next arc, H.2: what the rest of the OID tells
_SECURE_CHANNEL = b"\x04"
_SCP_ARCS = 2  # protocol, i
_ARC_BITS = 7


@dataclass(frozen=True)
class Cplc:
    """Card production life cycle data: who made the card, when, and its serial. Dates are BCD, YDDD."""

    raw: bytes
    """All 42 bytes."""

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
            content = Tlv.unpack(GpTag.CARD_RECOGNITION_DATA, value_of(GpTag.CARD_DATA, name, data), LIMITS)
            tails = _nested_oids(content)
        except TlvError as error:
            raise ObjectContentError(name, str(error)) from error
        versions = [_arcs(tail[1:]) for tail in tails if tail.startswith(_VERSION_OF_GP)]
        channels = [_protocol_arcs(tail[1:]) for tail in tails if tail.startswith(_SECURE_CHANNEL)]
        return CardData(
            gp_version=versions[0] if versions else (),
            secure_channels=tuple((arcs[0], arcs[1]) for arcs in channels if len(arcs) == _SCP_ARCS),
        )


def _nested_oids(content: bytes) -> list[bytes]:
    """The GlobalPlatform OIDs one level down, behind the organisation's own arcs."""
    nested = [part for item in Tlv.parse_all(content, LIMITS) if item.constructed for part in _parts(item)]
    return [
        part.value[len(_GLOBALPLATFORM) :]
        for part in nested
        if part.tag == _OID and part.value.startswith(_GLOBALPLATFORM)
    ]


def _parts(item: Tlv) -> list[Tlv]:
    return Tlv.parse_all(item.value, LIMITS)


def _protocol_arcs(encoded: bytes) -> tuple[int, ...]:
    """Protocol and options. Cards write SCP80 as the byte 80, which no OID has, as often as 81 00."""
    return tuple(encoded) if len(encoded) == _SCP_ARCS else _arcs(encoded)


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
    value = data if len(data) == SEQUENCE_COUNTER_BYTES else value_of(GpTag.SEQUENCE_COUNTER, name, data)
    if len(value) != SEQUENCE_COUNTER_BYTES:
        raise ObjectContentError(name, f"{len(value)} bytes instead of {SEQUENCE_COUNTER_BYTES}")
    return int.from_bytes(value, "big")
