"""The top of the stack of processors: commands of any length over a card that may only take short APDUs.

Command chaining (ISO/IEC 7816-4:2020, 5.3.3) in blocks as long as the layers below leave, and extended length
fields where reader and card are known to carry them.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from cardio.apdu import CLA_CHAINING, INS, P1_P2_CURRENT_APPLICATION, SW, CommandApdu, ResponseApdu
from cardio.errors import ApduError
from cardio.processors import (
    EXTENDED_APDUS,
    KNOWN_EXTENDED_APDUS,
    SHORT_APDUS,
    ApduFormatter,
    ApduPolicy,
    ApduProcessor,
    ProtectingProcessor,
)
from cardio.tlv import Tlv
from cardio.transport.base import CardConnection, TransmitError

__all__ = ["EXTENDED_APDUS", "KNOWN_EXTENDED_APDUS", "SHORT_APDUS", "ApduPolicy", "CardChannel"]

Send: TypeAlias = Callable[[CommandApdu], ResponseApdu]
"""Takes a whole command to the card."""

_TAG_LIST = 0x5C  # ISO/IEC 7816-4, 11.4.3: GET DATA's list of tags
_TAG_LIST_HEADER_BYTES = 4  # 5C 82 and two bytes


class CardChannel:
    """Sends whole commands, whatever their length, and gives whole answers."""

    def __init__(self, connection: CardConnection, policy: ApduPolicy = SHORT_APDUS) -> None:
        self.formatter = ApduFormatter(connection, policy)
        """The lowest layer; what is sent through it directly is neither chained nor protected."""
        self._protection: ProtectingProcessor | None = None
        self._interceptor: Callable[[CommandApdu, Send], ResponseApdu] | None = None
        self._extended_probed = policy.known

    @property
    def connection(self) -> CardConnection:
        """What carries the bytes."""
        return self.formatter.connection

    @property
    def policy(self) -> ApduPolicy:
        """The policy that this channel was made with."""
        return self.formatter.policy

    @property
    def apdu_count(self) -> int:
        """APDUs exchanged through this channel so far."""
        return self.formatter.apdu_count

    @property
    def extended_length(self) -> bool:
        """Whether extended length fields are still in use; falls to False when reader or card refuses."""
        return self.formatter.extended_length

    @property
    def is_protected(self) -> bool:
        """Whether commands go through a protection, alive or ended."""
        return self._protection is not None

    @property
    def _below(self) -> ApduProcessor:
        return self.formatter if self._protection is None else self._protection

    def protect(self, protection: ProtectingProcessor) -> None:
        """Sends every command from now on through `protection`, which stands upon `formatter`."""
        self._protection = protection

    def unprotect(self) -> None:
        """Goes back to plain commands. Nothing but this call does: a protection that broke refuses them."""
        self._protection = None

    def intercept(self, interceptor: Callable[[CommandApdu, Send], ResponseApdu]) -> None:
        """Gives every whole command to `interceptor` from now on, and what sends it."""
        self._interceptor = interceptor

    def reset(self) -> None:
        """Resets the card. A protection stays, ended: it lets only a SELECT pass until it is replaced."""
        try:
            self.connection.reset()
        finally:
            self.end_protection()

    def end_protection(self) -> None:
        """Says that the card has dropped its session keys; see `reset`."""
        if self._protection is not None:
            self._protection.end()

    def send(self, command: CommandApdu) -> bytes:
        """Sends a command and returns the data of the answer.

        :raises ApduError: the final status word is not 9000
        :raises UnexpectedAnswerError: the answer never ends, or is longer than the policy allows
        :raises TransportError: the card could not be reached
        :raises SecureChannelError: the channel is protected, and its protection failed or has ended
        """
        response = self.exchange(command)
        if response.sw != SW.NO_FURTHER_QUALIFICATION:
            raise ApduError(response.sw, command.ins)
        return response.data

    def exchange(self, command: CommandApdu) -> ResponseApdu:
        """As `send`, giving the final status word instead of raising on it."""
        if self._interceptor is None:
            return self._exchange(command)
        return self._interceptor(command, self._exchange)

    def exchange_all(self, commands: Sequence[CommandApdu]) -> list[ResponseApdu]:
        """As `exchange`, in their order up to the first whose answer isn't 9000; the answers so far.

        Over a connection whose card is far away they travel together.
        """
        tries_extended = self.extended_length and self._protection is None
        if self._interceptor is not None or tries_extended or self._below.max_batch == 1:
            return self._one_by_one(commands)
        blocks = [self._blocks(command) for command in commands]
        answers = self._below.exchange_all([block for chain in blocks for block in chain])
        return _last_of_each(blocks, answers)

    def _one_by_one(self, commands: Sequence[CommandApdu]) -> list[ResponseApdu]:
        answers: list[ResponseApdu] = []
        for command in commands:
            answers.append(self.exchange(command))
            if answers[-1].sw != SW.NO_FURTHER_QUALIFICATION:
                break
        return answers

    def _exchange(self, command: CommandApdu) -> ResponseApdu:
        if self.extended_length and not command.fits_short and self._protection is None:
            response = self._try_extended(command)
            if response is not None:
                return response
            self.formatter.extended_length = False
        return self._chain(command)

    def probe_extended_length(self) -> bool:
        """Finds out, where the policy asks for extended length fields, whether reader and card carry them.

        Under secure messaging a command can't be tried twice: the card may have counted the first one, and
        its chain of MACs would be another than ours. So a secure channel asks before it is opened, with a
        command of the full length (readers that drop what is too long take the shorter ones) that changes
        nothing: GET DATA with a list of tags that names no object. Only 6700 or a failure of the reader
        means no; then short APDUs are used from now on.
        """
        if not self.extended_length or self._extended_probed:
            return self.extended_length
        padding = bytes(self.formatter.max_data - _TAG_LIST_HEADER_BYTES)
        data = Tlv(_TAG_LIST, padding).encode()
        probe = CommandApdu(0, INS.GET_DATA, *P1_P2_CURRENT_APPLICATION, data, self.formatter.max_le)
        try:
            passed = self.formatter.exchange(probe).sw != SW.WRONG_LENGTH
        except TransmitError:
            passed = False
        self.formatter.extended_length = self._extended_probed = passed
        return passed

    def _try_extended(self, command: CommandApdu) -> ResponseApdu | None:
        """The answer, or None when the reader or the card can't take extended length fields.

        Only the first APDU decides: once one has passed, a later failure is a real one, and starting over
        would add to the chain that the card has begun. Sending the first one again is safe: none of the
        commands too long for a short APDU (signatures, objects) counts tries.
        """
        count_of_first = self.apdu_count + 1
        try:
            response = self._chain(command)
        except TransmitError:
            if self.apdu_count > count_of_first:
                raise
            return None
        refused = response.sw == SW.WRONG_LENGTH and self.apdu_count == count_of_first
        return None if refused else response

    def _chain(self, command: CommandApdu) -> ResponseApdu:
        """Sends a command in blocks that fit; the last answer, or the first that isn't 9000."""
        return self._below.exchange_all(self._blocks(command))[-1]

    def _blocks(self, command: CommandApdu) -> list[CommandApdu]:
        below = self._below
        if command.le is not None:
            command = command.with_le(min(command.le, below.max_le))
        return _blocks(command, below.max_data)


def _last_of_each(
    chains: Sequence[Sequence[CommandApdu]], answers: Sequence[ResponseApdu]
) -> list[ResponseApdu]:
    """The last answer to each chain of blocks that was begun."""
    last: list[ResponseApdu] = []
    end = 0
    for chain in chains:
        if end >= len(answers):
            break
        end = min(end + len(chain), len(answers))
        last.append(answers[end - 1])
    return last


def _blocks(command: CommandApdu, size: int) -> list[CommandApdu]:
    """The command cut into a chain of blocks of at most `size` bytes; only the last asks for an answer."""
    data = command.data
    if len(data) <= size:
        return [command]
    cla, ins, p1, p2 = command.cla, command.ins, command.p1, command.p2
    starts = range(0, len(data), size)
    blocks = [CommandApdu(cla | CLA_CHAINING, ins, p1, p2, data[at : at + size]) for at in starts[:-1]]
    return [*blocks, CommandApdu(cla, ins, p1, p2, data[starts[-1] :], command.le)]
