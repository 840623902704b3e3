"""The key information template: which keys a security domain has (GPCS 2.3.1, 11.3.3.1)."""

from dataclasses import dataclass

from cardio.errors import ObjectContentError
from cardio.globalplatform.tags import LIMITS, GpTag, value_of
from cardio.tlv import Tlv, TlvError

_NAME = "key information"
_KEY_HEADER_BYTES = 2  # identifier and version
_EXTENDED_TYPE = b"\xff"  # the key type has a second byte, and the length two
_EXTENDED_BYTES = 4


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
        content = value_of(GpTag.KEY_INFORMATION_TEMPLATE, _NAME, data)
        try:
            objects = Tlv.parse_all(content, LIMITS)
        except TlvError as error:
            raise ObjectContentError(_NAME, str(error)) from error
        return tuple(_key(item.value) for item in objects if item.tag == GpTag.KEY_INFORMATION)


def _key(value: bytes) -> KeyInformation:
    if len(value) < _KEY_HEADER_BYTES:
        raise ObjectContentError(_NAME, "a key without identifier and version")
    identifier, version = value[:_KEY_HEADER_BYTES]
    fields = value[_KEY_HEADER_BYTES:]
    extended = fields.startswith(_EXTENDED_TYPE)
    components = _extended_components(fields) if extended else _basic_components(fields)
    return KeyInformation(version, identifier, components)


def _basic_components(pairs: bytes) -> tuple[tuple[int, int], ...]:
    if len(pairs) % 2:
        raise ObjectContentError(_NAME, "a type without a length")
    return tuple(zip(pairs[::2], pairs[1::2], strict=True))


def _extended_components(fields: bytes) -> tuple[tuple[int, int], ...]:
    """Type FFxx and a length of two bytes each; usage and access, which follow the last, are left out."""
    components = []
    while fields.startswith(_EXTENDED_TYPE):
        if len(fields) < _EXTENDED_BYTES:
            raise ObjectContentError(_NAME, "an extended type without a length")
        components.append(
            (int.from_bytes(fields[:2], "big"), int.from_bytes(fields[2:_EXTENDED_BYTES], "big"))
        )
        fields = fields[_EXTENDED_BYTES:]
    return tuple(components)
