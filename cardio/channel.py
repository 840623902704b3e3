"""Commands of any length over a card that may only take short APDUs.

Command chaining (ISO/IEC 7816-4:2020, 5.3.3), GET RESPONSE (11.7.1), the 6Cxx retry (5.6) and extended length
fields where the reader is known to carry them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cardio.apdu import (
    CLA_CHAINING,
    HEADER_BYTES,
    INS,
    MAX_EXTENDED_LE,
    MAX_SHORT_DATA,
    MAX_SHORT_LE,
    STATUS_BYTES,
    SW,
    CommandApdu,
    ResponseApdu,
)
from cardio.errors import ApduError, UnexpectedAnswerError
from cardio.transport.base import CardConnection, TransmitError

_EXTENDED_OVERHEAD = HEADER_BYTES + 3 + 2  # header, Lc (00 and two bytes), Le
_MAX_EMPTY_ANSWERS = 8
_SW1_BYTES_AVAILABLE = SW.BYTES_STILL_AVAILABLE >> 8
_SW1_WRONG_LE = SW.WRONG_LE >> 8


@dataclass(frozen=True)
class ApduPolicy:
    """How long commands and answers travel."""

    extended_length: bool = False
    """Whether to begin with extended length fields. Off by default: some readers take short APDUs only, and
    some silently drop what is too long; short APDUs with chaining pass everywhere."""

    max_extended_bytes: int = 1000
    """The longest extended APDU sent or asked for, in bytes; common readers end between 500 and 1,014."""

    max_answer_bytes: int = MAX_EXTENDED_LE
    """The longest answer collected by GET RESPONSE, in bytes."""

    def __post_init__(self) -> None:
        if self.max_extended_bytes <= MAX_SHORT_DATA + _EXTENDED_OVERHEAD:
            raise ValueError("extended APDUs no longer than short ones make no sense")


SHORT_APDUS = ApduPolicy()
EXTENDED_APDUS = ApduPolicy(extended_length=True)


class CardChannel:
    """Sends whole commands, whatever their length, and gives whole answers."""

    def __init__(self, connection: CardConnection, policy: ApduPolicy = SHORT_APDUS) -> None:
        self.connection = connection
        self.policy = policy
        self.apdu_count = 0
        """APDUs exchanged through this channel so far."""
        self.extended_length = policy.extended_length
        """Whether extended length fields are still in use; falls to False when the reader or card refuses."""

    def send(self, command: CommandApdu) -> bytes:
        """Sends a command and returns the data of the answer.

        :raises ApduError: the final status word is not 9000
        :raises UnexpectedAnswerError: the answer never ends, or is longer than the policy allows
        :raises TransportError: the card could not be reached
        """
        response = self.exchange(command)
        if response.sw != SW.NO_FURTHER_QUALIFICATION:
            raise ApduError(response.sw, command.ins)
        return response.data

    def exchange(self, command: CommandApdu) -> ResponseApdu:
        """As `send`, giving the final status word instead of raising on it."""
        if self.extended_length and not command.fits_short:
            response = self._try_extended(command)
            if response is not None:
                return self._collect(command, response)
            self.extended_length = False
        return self._collect(command, self._chain(command, MAX_SHORT_DATA, extended=False))

    def _try_extended(self, command: CommandApdu) -> ResponseApdu | None:
        """The answer, or None when the reader or the card can't take extended length fields.

        Only the first APDU decides: once one has passed, a later failure is a real one, and starting over
        would add to the chain that the card has begun. Sending the first one again is safe: none of the
        commands too long for a short APDU (signatures, objects) counts tries.
        """
        block = self.policy.max_extended_bytes - _EXTENDED_OVERHEAD
        count_of_first = self.apdu_count + 1
        try:
            response = self._chain(command, block, extended=True)
        except TransmitError:
            if self.apdu_count > count_of_first:
                raise
            return None
        refused = response.sw == SW.WRONG_LENGTH and self.apdu_count == count_of_first
        return None if refused else response

    def _chain(self, command: CommandApdu, block: int, *, extended: bool) -> ResponseApdu:
        """Sends a command in blocks of `block` bytes; the last answer, or the first that isn't 9000."""
        *firsts, last = _blocks(command.data, block)
        for data in firsts:
            part = CommandApdu(command.cla | CLA_CHAINING, command.ins, command.p1, command.p2, data)
            response = self._transmit(part, extended=extended)
            if response.sw != SW.NO_FURTHER_QUALIFICATION:
                return response
        final = CommandApdu(
            command.cla, command.ins, command.p1, command.p2, last, self._le(command, extended=extended)
        )
        return self._transmit(final, extended=extended)

    def _le(self, command: CommandApdu, *, extended: bool) -> int | None:
        if command.le is None:
            return None
        longest = self.policy.max_extended_bytes - STATUS_BYTES if extended else MAX_SHORT_LE
        return min(command.le, longest)

    def _transmit(self, command: CommandApdu, *, extended: bool) -> ResponseApdu:
        """One APDU; sent once more if the card names another Le (6Cxx)."""
        response = self._exchange_once(command, extended=extended)
        if response.sw1 == _SW1_WRONG_LE:
            again = command.with_le(response.sw2 or MAX_SHORT_LE)
            response = self._exchange_once(again, extended=extended)
        return response

    def _exchange_once(self, command: CommandApdu, *, extended: bool) -> ResponseApdu:
        self.apdu_count += 1
        encoded = command.encode(extended=extended and not command.fits_short)
        return ResponseApdu.decode(self.connection.transmit(encoded))

    def _collect(self, command: CommandApdu, response: ResponseApdu) -> ResponseApdu:
        """Fetches the rest of an answer that the card announces with 61xx."""
        data = bytearray(response.data)
        empty = 0
        while response.sw1 == _SW1_BYTES_AVAILABLE:
            le = response.sw2 or MAX_SHORT_LE
            get_response = CommandApdu(command.cla & ~CLA_CHAINING, INS.GET_RESPONSE, 0, 0, le=le)
            response = self._transmit(get_response, extended=False)
            empty = 0 if response.data else empty + 1
            data += response.data
            if len(data) > self.policy.max_answer_bytes or empty > _MAX_EMPTY_ANSWERS:
                raise UnexpectedAnswerError(f"the answer to instruction {command.ins:02X} does not end")
        return ResponseApdu(bytes(data), response.sw)


def _blocks(data: bytes, size: int) -> Iterator[bytes]:
    """`data` cut into blocks of `size` bytes; one empty block if there is none."""
    yield from (data[start : start + size] for start in range(0, max(1, len(data)), size))
