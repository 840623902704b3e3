"""Which commands no station carries: those that hold somebody's PIN (docs/adr/0028).

The station's own prompt and the reader's pad are the only places for PINs. Through a secure channel that
enciphers commands the issuer sets a body's transport PIN, which is the issuer's secret and nobody's PIN yet;
what is in those commands neither the station nor the network can read.
"""

from enum import IntEnum, unique

from cardio.apdu import CLA_CHAINING, CLA_PROPRIETARY, INS, SW, ApduFormatError, CommandApdu
from cardio.globalplatform.messages import CLA_SCP
from cardio.globalplatform.scp03 import MAC_BYTES
from cardio.station.errors import RefusedCommandError

_BLOCK_BYTES = 16
_CLA_READERS = 0xFF  # PC/SC part 3, 3.2.2: commands to the reader itself, whose PIN pad takes templates
_ENCIPHERED_LEVEL = 0x03  # C-DECRYPTION and C-MAC (Amendment D, 7.1.2)
_ODD = 0x01  # the odd instruction is the even one with data as TLV (ISO/IEC 7816-4, 5.5)


@unique
class _PinInstruction(IntEnum):
    """ISO/IEC 7816-4:2020, 11.6: what compares or sets reference data; even codes."""

    VERIFY = INS.VERIFY
    CHANGE_REFERENCE_DATA = INS.CHANGE_REFERENCE_DATA
    DISABLE_VERIFICATION_REQUIREMENT = 0x26
    ENABLE_VERIFICATION_REQUIREMENT = 0x28
    RESET_RETRY_COUNTER = INS.RESET_RETRY_COUNTER


_PIN_INSTRUCTIONS = frozenset(_PinInstruction) | {one | _ODD for one in _PinInstruction}
_WRAPPERS = frozenset({0xC2, 0xC3})  # ENVELOPE (11.8.2): a command within a command
_MANAGE_CHANNEL = 0x70  # another channel would have a secure channel of its own to follow
_NOT_HERE = _WRAPPERS | {_MANAGE_CHANNEL}
_UNDER_SCP = frozenset({CLA_SCP, CLA_SCP | CLA_PROPRIETARY})


class PinGuard:
    """Watches one card's conversation from its reset on."""

    def __init__(self) -> None:
        self._begun = False
        self._enciphered = False

    def check(self, encoded: bytes) -> CommandApdu:
        """The command, if it may be sent. Raises RefusedCommandError."""
        try:
            command = CommandApdu.decode(encoded)
        except ApduFormatError:
            raise RefusedCommandError("bytes that are no command") from None
        if command.encode() != encoded:  # a card could read another command in them than we do
            raise RefusedCommandError("a command that is not spelt in the one usual way")
        if command.cla == _CLA_READERS:
            raise RefusedCommandError("a command to the reader itself")
        if command.ins in _NOT_HERE:
            raise RefusedCommandError(f"instruction {command.ins:02X}")
        if command.ins in _PIN_INSTRUCTIONS and not self._may_pass(command):
            raise RefusedCommandError("a command with a PIN")
        return command

    def _may_pass(self, command: CommandApdu) -> bool:
        if command.ins == INS.VERIFY and not command.data:
            return True  # asks for the tries left, or logs out
        enciphered_bytes = len(command.data) - MAC_BYTES
        return (
            self._enciphered
            and command.cla & ~CLA_CHAINING in _UNDER_SCP
            and enciphered_bytes >= _BLOCK_BYTES
            and enciphered_bytes % _BLOCK_BYTES == 0
        )

    def saw(self, command: CommandApdu, sw: int) -> None:
        """Follows the secure channel by what the card said to a command."""
        done = sw == SW.NO_FURTHER_QUALIFICATION
        if command.ins in {INS.SELECT, INS.INITIALIZE_UPDATE}:
            self._enciphered = False
            self._begun = done and command.ins == INS.INITIALIZE_UPDATE
        elif command.ins == INS.EXTERNAL_AUTHENTICATE:
            level = command.p1 & _ENCIPHERED_LEVEL
            self._enciphered = done and self._begun and level == _ENCIPHERED_LEVEL
            self._begun = False

    def reset(self) -> None:
        """The card forgets everything."""
        self._begun = self._enciphered = False
