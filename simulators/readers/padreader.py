"""A PIN pad on a reader whose driver passes no requests on, as vpcd's: pseudo-APDUs reach it.

PC/SC part 10, supplement (2.02.02), 2.3: CLA FF, INS C2, P1 01, P2 the feature; P2 00 lists them.
"""

from collections.abc import Callable

from simulators.readers.pinpad import CONTROL_CODES, Feature, PinPad
from simulators.readers.vpcd import Card
from simulators.readers.wrapped import WrappedCard

_PSEUDO_APDU = bytes.fromhex("FFC201")
_HEADER_LENGTH = 4
_GET_FEATURES = 0x00
_SUCCESS = bytes.fromhex("9000")
_NO_SUCH_FEATURE = bytes.fromhex("6A86")
_WRONG_LENGTH = bytes.fromhex("6700")


class PadReaderCard(WrappedCard):
    """A card in a reader that has a pad whenever `pad` gives one."""

    def __init__(self, card: Card, pad: Callable[[], PinPad | None]) -> None:
        super().__init__(card)
        self._pad = pad

    def transmit(self, command: bytes) -> bytes:
        """The card's answer, or the pad's."""
        pad = self._pad() if command.startswith(_PSEUDO_APDU) else None
        if pad is None or len(command) < _HEADER_LENGTH:
            return super().transmit(command)
        number, body = command[len(_PSEUDO_APDU)], command[_HEADER_LENGTH:]
        if number == _GET_FEATURES:
            return bytes(Feature) + _SUCCESS
        if number not in tuple(Feature):
            return _NO_SUCH_FEATURE
        if len(body) < 2 or body[0] != len(body) - 1:  # noqa: PLR2004 - Lc and one byte
            return _WRONG_LENGTH
        return pad.control(CONTROL_CODES[Feature(number)], body[1:], super().transmit)
