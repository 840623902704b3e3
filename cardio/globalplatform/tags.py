"""Tags of GPCS 2.3.1, and the wrapper that a card may leave out."""

from enum import IntEnum, unique

from cardio.errors import ObjectContentError
from cardio.tlv import Tlv, TlvError, TlvLimits

LIMITS = TlvLimits(max_bytes=4096, max_count=256, max_depth=4)  # of what GET DATA answers
_BYTE_BITS = 8


@unique
class GpTag(IntEnum):
    """Those of 11.2.2.3, 11.3.3 and 11.4.3, and of Amendment D."""

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


def value_of(tag: GpTag, name: str, data: bytes) -> bytes:
    """The value of the one object `tag` that `data` is; `data` itself where a card left the wrapper out.

    :raises ObjectContentError: begins as that object, and is cut short or followed by something
    """
    if not data.startswith(tag.to_bytes((tag.bit_length() + 7) // _BYTE_BITS, "big")):
        return data
    try:
        return Tlv.unpack(tag, data, LIMITS)
    except TlvError as error:
        raise ObjectContentError(name, str(error)) from error
