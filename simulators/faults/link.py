"""Readers with limits, and the byte-wise protocol T=0, as a card behind them appears to the host."""

from dataclasses import dataclass

from simulators.card.errors import ReaderFailureError
from simulators.readers.vpcd import Card
from simulators.readers.wrapped import WrappedCard

_LONGEST_SHORT = 4 + 1 + 255 + 1
_HEADER = 4
_STATUS_LENGTH = 2
_GET_RESPONSE = 0xC0
_WRONG_LENGTH = bytes.fromhex("6700")
_MAX_SHORT_NE = 256
_SW1_REMAINING = 0x61
_SW1_WRONG_LE = 0x6C
_SUCCESS = b"\x90\x00"
_REMAINING = bytes((_SW1_REMAINING,))


@dataclass(frozen=True)
class ReaderLimits:
    """What a reader carries: nothing longer than `max_command` bytes, and what it does with what is longer.

    `silent`: it cuts the command and passes the rest on, as some readers between 500 and 1,014 bytes do;
    otherwise the transmission fails.
    """

    max_command: int
    silent: bool = False


SHORT_APDUS_ONLY = ReaderLimits(_LONGEST_SHORT)


class LimitedReaderCard(WrappedCard):
    """A card as it appears through a reader with limits."""

    def __init__(self, card: Card, limits: ReaderLimits) -> None:
        super().__init__(card)
        self._limits = limits

    def transmit(self, command: bytes) -> bytes:
        """The card's answer.

        :raises ReaderFailureError: the reader doesn't carry so long a command
        """
        if len(command) > self._limits.max_command and not self._limits.silent:
            raise ReaderFailureError
        return self._card.transmit(command[: self._limits.max_command])


class T0Card:
    """A card that speaks T=0 (ISO/IEC 7816-3, clause 12.2): what is sent and asked for travels apart.

    A command with data gets no answer data in the same exchange: 61xx announces them. A command that asks for
    another number of bytes than there are gets 6Cxx. There is no extended length (6700), and no ENVELOPE
    (12.2.4): the ATR promises chaining only, and hosts keep to that (docs/adr/0027-no-envelope-over-t0.md).
    """

    # TS, T0, TD1 (T=0, hence no check byte) and the historical bytes, which promise chaining alone.
    ATR = bytes.fromhex("3B8B00 8073800180554E49443031")

    def __init__(self, card: Card) -> None:
        self._card = card
        self._waiting = b""

    @property
    def atr(self) -> bytes:
        """The answer to reset, for T=0 alone."""
        return self.ATR

    def power_on(self) -> bytes:
        """Powers the card."""
        self._waiting = b""
        self._card.power_on()
        return self.ATR

    def power_off(self) -> None:
        """Takes the power away."""
        self._waiting = b""
        self._card.power_off()

    def reset(self) -> bytes:
        """Warm reset."""
        return self.power_on()

    def transmit(self, command: bytes) -> bytes:
        """The answer to one T=0 command."""
        if len(command) > _LONGEST_SHORT or len(command) < _HEADER:
            return _WRONG_LENGTH
        if command[1] == _GET_RESPONSE and self._waiting:
            return self._fetch(command)
        self._waiting = b""
        has_data = len(command) > _HEADER + 1
        if has_data:
            return self._send(command[: _HEADER + 1 + command[_HEADER]])
        return self._ask(command)

    def _send(self, command: bytes) -> bytes:
        answer = self._whole_answer(command)
        if len(answer) == _STATUS_LENGTH or answer[-_STATUS_LENGTH:] != _SUCCESS:
            return answer[-_STATUS_LENGTH:]
        self._waiting = answer
        return self._announcement()

    def _ask(self, command: bytes) -> bytes:
        answer = self._whole_answer(command)
        length = len(answer) - _STATUS_LENGTH
        wanted = (command[_HEADER] or _MAX_SHORT_NE) if len(command) > _HEADER else 0
        if length == wanted or length <= 0 or length > _MAX_SHORT_NE:
            self._waiting = answer[wanted:] if length > _MAX_SHORT_NE else b""
            return answer[:wanted] + self._announcement() if self._waiting else answer
        return bytes((_SW1_WRONG_LE, length & 0xFF))

    def _fetch(self, command: bytes) -> bytes:
        wanted = (command[_HEADER] or _MAX_SHORT_NE) if len(command) > _HEADER else _MAX_SHORT_NE
        length = len(self._waiting) - _STATUS_LENGTH
        if wanted > length:
            return bytes((_SW1_WRONG_LE, length & 0xFF))
        data, self._waiting = self._waiting[:wanted], self._waiting[wanted:]
        if len(self._waiting) == _STATUS_LENGTH:
            status, self._waiting = self._waiting, b""
            return data + status
        return data + self._announcement()

    def _announcement(self) -> bytes:
        return bytes((_SW1_REMAINING, min(len(self._waiting) - _STATUS_LENGTH, _MAX_SHORT_NE) & 0xFF))

    def _whole_answer(self, command: bytes) -> bytes:
        """The card's answer with everything that it announced."""
        answer = self._card.transmit(command)
        data = answer[:-_STATUS_LENGTH]
        while answer[-_STATUS_LENGTH:-1] == _REMAINING:
            answer = self._card.transmit(bytes((0, _GET_RESPONSE, 0, 0, answer[-1])))
            data += answer[:-_STATUS_LENGTH]
        return data + answer[-_STATUS_LENGTH:]
