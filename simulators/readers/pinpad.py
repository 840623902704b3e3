"""A PIN pad on a reader of this process (PC/SC part 10, revision 2.02.09): the PIN never passes the host.

The host sends a command with a gap; the pad asks its user, fills the gap in and sends it to the card.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum, unique

_CONTROL_BASE = 0x4200_0000  # SCARD_CTL_CODE of pcsc-lite (reader.h)
GET_FEATURE_REQUEST = _CONTROL_BASE + 3400

_VERIFY = struct.Struct("<BBBBBHBBHB3sI")  # PIN_VERIFY_STRUCTURE (2.5.2), up to abData
_MODIFY = struct.Struct("<BBBBBBBHBBBHBBB3sI")  # PIN_MODIFY_STRUCTURE (2.5.3)
_ASCII_LEFT_BYTES = 0x82  # bmFormatString: ASCII, left justified, the position counts bytes
_BLOCK_LENGTH_MASK = 0x0F
_HEADER_LENGTH = 5
_DIGIT_LIMIT = 16
_NEW_PIN_CONFIRMED = 0x01  # bConfirmPIN (2.5.3)
_CURRENT_PIN_ASKED = 0x02

CANCELLED = bytes.fromhex("6401")  # 2.5.2: the user pressed Cancel
TIMED_OUT = bytes.fromhex("6400")
NOT_CONFIRMED = bytes.fromhex("6402")  # the two new PINs differ
WRONG_LENGTH = bytes.fromhex("6403")
WRONG_PARAMETERS = bytes.fromhex("6B80")


@unique
class Feature(IntEnum):
    """Tags of the features (table 2.3)."""

    VERIFY_PIN_DIRECT = 0x06
    MODIFY_PIN_DIRECT = 0x07


CONTROL_CODES = {feature: _CONTROL_BASE + 3500 + feature for feature in Feature}


@unique
class Prompt(IntEnum):
    """What the pad's user is asked for."""

    PIN = 0
    CURRENT_PIN = 1
    NEW_PIN = 2
    NEW_PIN_AGAIN = 3


@unique
class NoEntry(Enum):
    """What else than digits can come of a prompt (2.5.2)."""

    CANCELLED = "cancel"
    TIMED_OUT = "timeout"


User = Callable[[Prompt], str | NoEntry | None]
"""Presses the keys: digits and Enter, or not; None is Cancel."""


@dataclass(frozen=True)
class _Gap:
    """Where digits go in the command's data, and how many may be pressed."""

    offset: int
    length: int
    least: int
    most: int

    def fill(self, data: bytearray, digits: str) -> bool:
        """Whether the digits were as many as they may be and found room."""
        block = digits.encode()
        if not self.least <= len(block) <= self.most or len(block) > self.length:
            return False
        data[self.offset : self.offset + len(block)] = block
        return True


class PinPad:
    """The pad; `user` presses its keys."""

    def __init__(self, user: User) -> None:
        self._user = user

    def features(self) -> bytes:
        """The answer to GET_FEATURE_REQUEST: tag, length and control code of each."""
        return b"".join(
            bytes((feature, 4)) + code.to_bytes(4, "big") for feature, code in CONTROL_CODES.items()
        )

    def control(self, code: int, request: bytes, transmit: Callable[[bytes], bytes]) -> bytes:
        """The answer to a control request; `transmit` sends a command to the card.

        :raises ValueError: no such control code
        """
        if code == GET_FEATURE_REQUEST:
            return self.features()
        if code == CONTROL_CODES[Feature.VERIFY_PIN_DIRECT]:
            return self._verify(request, transmit)
        if code == CONTROL_CODES[Feature.MODIFY_PIN_DIRECT]:
            return self._modify(request, transmit)
        raise ValueError(f"control code {code:08X}")

    def _verify(self, request: bytes, transmit: Callable[[bytes], bytes]) -> bytes:
        try:
            _, _, form, block, _, digits, *_, length = _VERIFY.unpack_from(request)
        except struct.error:
            return WRONG_PARAMETERS
        command = bytearray(request[_VERIFY.size :])
        if form != _ASCII_LEFT_BYTES or len(command) != length or length < _HEADER_LENGTH:
            return WRONG_PARAMETERS
        gap = _gap(_HEADER_LENGTH, block, digits, len(command))
        return WRONG_PARAMETERS if gap is None else self._ask([(Prompt.PIN, gap)], command, transmit)

    def _modify(self, request: bytes, transmit: Callable[[bytes], bytes]) -> bytes:
        try:
            _, _, form, block, _, old, new, digits, asked, *_, length = _MODIFY.unpack_from(request)
        except struct.error:
            return WRONG_PARAMETERS
        command = bytearray(request[_MODIFY.size :])
        if form != _ASCII_LEFT_BYTES or len(command) != length or length < _HEADER_LENGTH:
            return WRONG_PARAMETERS
        old_gap = _gap(_HEADER_LENGTH + old, block, digits, len(command))
        new_gap = _gap(_HEADER_LENGTH + new, block, digits, len(command))
        if old_gap is None or new_gap is None:
            return WRONG_PARAMETERS
        entries = [(Prompt.CURRENT_PIN, old_gap)] if asked & _CURRENT_PIN_ASKED else []
        entries.append((Prompt.NEW_PIN, new_gap))
        if asked & _NEW_PIN_CONFIRMED:
            entries.append((Prompt.NEW_PIN_AGAIN, new_gap))
        return self._ask(entries, command, transmit)

    def _ask(
        self, entries: list[tuple[Prompt, _Gap]], command: bytearray, transmit: Callable[[bytes], bytes]
    ) -> bytes:
        pressed: dict[Prompt, str] = {}
        for prompt, gap in entries:
            digits = self._user(prompt)
            if digits is NoEntry.TIMED_OUT:
                return TIMED_OUT
            if digits is None or isinstance(digits, NoEntry):
                return CANCELLED
            if not digits.isdecimal() or not gap.fill(command, digits):
                return WRONG_LENGTH
            pressed[prompt] = digits
        if pressed.get(Prompt.NEW_PIN_AGAIN, pressed.get(Prompt.NEW_PIN)) != pressed.get(Prompt.NEW_PIN):
            return NOT_CONFIRMED
        return transmit(bytes(command))


def _gap(offset: int, block: int, digits: int, command_length: int) -> _Gap | None:
    length = block & _BLOCK_LENGTH_MASK
    least, most = digits >> 8, digits & 0xFF
    if offset + length > command_length or not 0 < least <= most <= _DIGIT_LIMIT:
        return None
    return _Gap(offset, length, least, most)
