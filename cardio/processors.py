"""The stack of processors that takes commands to a card: what a layer is, and the lowest one.

    CardChannel (cardio.channel)              cuts long commands into chains
    SecureChannel (cardio.globalplatform)     optional: wraps each command, unwraps each answer
    ApduFormatter                             encodes, repeats after 6Cxx, collects with GET RESPONSE
    CardConnection (cardio.transport.base)    carries bytes

Each block of a chain is wrapped by itself, and an answer is unwrapped once it is whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cardio.apdu import (
    CLA_FURTHER_INTERINDUSTRY,
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
from cardio.errors import UnexpectedAnswerError
from cardio.transport.base import BatchConnection, CardConnection

_EXTENDED_OVERHEAD = HEADER_BYTES + 3 + 2  # header, Lc (00 and two bytes), Le
_MAX_EMPTY_ANSWERS = 8
_MAX_GET_RESPONSES = 512  # twice as many as the longest answer takes in parts of 256 bytes
_SW1_BYTES_AVAILABLE = SW.BYTES_STILL_AVAILABLE >> 8
_SW1_WRONG_LE = SW.WRONG_LE >> 8
# What GET RESPONSE keeps of CLA: the logical channel, in two bits or in four (ISO/IEC 7816-4 tables 2, 3).
_CLA_CHANNEL = 0x03
_CLA_FURTHER_CHANNEL = 0x4F


@dataclass(frozen=True)
class ApduPolicy:
    """How long commands and answers travel."""

    extended_length: bool = False
    """Whether to begin with extended length fields. Off by default: some readers take short APDUs only, and
    some silently drop what is too long; short APDUs with chaining pass everywhere."""

    known: bool = False
    """Whether reader and card are known to carry extended length fields: then nothing asks again."""

    max_extended_bytes: int = 1000
    """The longest extended APDU sent or asked for, in bytes; common readers end between 500 and 1,014."""

    max_answer_bytes: int = MAX_EXTENDED_LE
    """The longest answer collected by GET RESPONSE, in bytes."""

    def __post_init__(self) -> None:
        if self.max_extended_bytes <= MAX_SHORT_DATA + _EXTENDED_OVERHEAD:
            raise ValueError("extended APDUs no longer than short ones make no sense")


SHORT_APDUS = ApduPolicy()
EXTENDED_APDUS = ApduPolicy(extended_length=True)
KNOWN_EXTENDED_APDUS = ApduPolicy(extended_length=True, known=True)


class ApduProcessor(Protocol):
    """One layer of the stack."""

    @property
    def max_data(self) -> int:
        """The longest data field, in bytes, that a command given to this layer may have now."""
        ...

    @property
    def max_le(self) -> int:
        """The largest Le that a command given to this layer may have now."""
        ...

    @property
    def max_batch(self) -> int:
        """How many commands travel together; 1: none do."""
        ...

    def exchange(self, command: CommandApdu) -> ResponseApdu:
        """Takes one command to the card and gives the whole answer; raises CardErrors only."""
        ...

    def exchange_all(self, commands: Sequence[CommandApdu]) -> list[ResponseApdu]:
        """As `exchange`, in their order up to the first whose answer isn't 9000; the answers so far."""
        ...


class ProtectingProcessor(ApduProcessor, Protocol):
    """A layer that protects messages, for as long as the card keeps the session keys."""

    def end(self) -> None:
        """Told that the card has dropped the session keys: nothing passes now but what begins anew."""
        ...


class ApduFormatter:
    """The lowest layer: length fields, the 6Cxx retry (ISO/IEC 7816-4, 5.6) and GET RESPONSE (11.7.1)."""

    def __init__(self, connection: CardConnection, policy: ApduPolicy) -> None:
        self.connection = connection
        self.policy = policy
        self.apdu_count = 0
        """APDUs exchanged so far."""
        self.extended_length = policy.extended_length
        """Whether extended length fields are in use."""
        self._batching = connection if isinstance(connection, BatchConnection) else None

    @property
    def max_batch(self) -> int:
        """See `ApduProcessor.max_batch`."""
        return 1 if self._batching is None else self._batching.max_batch

    @property
    def max_data(self) -> int:
        """See `ApduProcessor.max_data`."""
        return self.policy.max_extended_bytes - _EXTENDED_OVERHEAD if self.extended_length else MAX_SHORT_DATA

    @property
    def max_le(self) -> int:
        """See `ApduProcessor.max_le`."""
        return self.policy.max_extended_bytes - STATUS_BYTES if self.extended_length else MAX_SHORT_LE

    def exchange(self, command: CommandApdu) -> ResponseApdu:
        """See `ApduProcessor.exchange`; short length fields are used wherever they suffice.

        :raises UnexpectedAnswerError: the answer never ends, or is longer than the policy allows
        :raises ApduFormatError: the answer has no status word
        :raises TransportError: the card could not be reached
        """
        return self._whole(command, self._transmit(command))

    def exchange_all(self, commands: Sequence[CommandApdu]) -> list[ResponseApdu]:
        """See `ApduProcessor.exchange_all`; raises as `exchange` does."""
        answers: list[ResponseApdu] = []
        while len(answers) < len(commands):
            waiting = commands[len(answers) :]
            *whole, last = self._transmit_all(waiting)
            answers += whole
            answers.append(self._whole(waiting[len(whole)], last))
            if answers[-1].sw != SW.NO_FURTHER_QUALIFICATION:
                break
        return answers

    def _whole(self, command: CommandApdu, response: ResponseApdu) -> ResponseApdu:
        """The answer to a command with all that it announces."""
        if response.sw1 == _SW1_WRONG_LE:
            response = self._transmit(command.with_le(response.sw2 or MAX_SHORT_LE))
        if response.sw1 != _SW1_BYTES_AVAILABLE:
            return response
        data = bytearray(response.data)
        empty = parts = 0
        while response.sw1 == _SW1_BYTES_AVAILABLE:
            parts += 1
            le = response.sw2 or (MAX_SHORT_LE if command.fits_short else self.max_le)
            response = self._collect(_get_response(command.cla, le))
            empty = 0 if response.data else empty + 1
            data += response.data
            too_long = len(data) > self.policy.max_answer_bytes
            if too_long or empty > _MAX_EMPTY_ANSWERS or parts > _MAX_GET_RESPONSES:
                raise UnexpectedAnswerError(f"the answer to instruction {command.ins:02X} does not end")
        return ResponseApdu(bytes(data), response.sw)

    def _collect(self, command: CommandApdu) -> ResponseApdu:
        """One GET RESPONSE; sent once more if the card names another Le (6Cxx)."""
        response = self._transmit(command)
        if response.sw1 == _SW1_WRONG_LE:
            response = self._transmit(command.with_le(response.sw2 or MAX_SHORT_LE))
        return response

    def _transmit(self, command: CommandApdu) -> ResponseApdu:
        if self._batching is not None:
            (response,) = self._transmit_all((command,))
            return response
        self.apdu_count += 1
        return ResponseApdu.decode(self.connection.transmit(command.encode()))

    def _transmit_all(self, commands: Sequence[CommandApdu]) -> list[ResponseApdu]:
        """The answers to the first of the commands, or to more where the connection takes more at once."""
        if self._batching is None:
            return [self._transmit(commands[0])]
        self.apdu_count += 1
        batch = commands[: self._batching.max_batch]
        answers = self._batching.transmit_all([command.encode() for command in batch])
        if not 1 <= len(answers) <= len(batch):
            raise UnexpectedAnswerError(f"{len(answers)} answers to {len(batch)} commands")
        self.apdu_count += len(answers) - 1
        return [ResponseApdu.decode(answer) for answer in answers]


def _get_response(cla: int, le: int) -> CommandApdu:
    """GET RESPONSE on the command's logical channel: interindustry, neither chained nor wrapped.

    It fetches what the card has made ready; secure messaging covers the whole answer, once it is together.
    """
    kept = _CLA_FURTHER_CHANNEL if cla & CLA_FURTHER_INTERINDUSTRY else _CLA_CHANNEL
    return CommandApdu(cla & kept, INS.GET_RESPONSE, 0, 0, le=le)
