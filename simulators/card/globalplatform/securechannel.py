"""An open secure channel: commands are checked, answers protected (amendment D, 6.2.4 to 6.2.7)."""

import hmac

from simulators.card.globalplatform.encipherment import Encipherment
from simulators.card.globalplatform.scp03 import BLOCK, MAC_LENGTH, Level, Mac, SessionKeys, pad, unpad
from simulators.card.iso7816 import CLA, SW, Command, StatusError, status_bytes

_MAX_SHORT_DATA = 255
_RESPONSE_COUNTER_MARK = 0x80  # amendment D 6.2.7: tells the answer's counter block from the command's
_WARNINGS = (0x62, 0x63)


class SecureChannel:
    """One session, from EXTERNAL AUTHENTICATE to whatever ends it.

    It protects nothing until EXTERNAL AUTHENTICATE, which itself bears a C-MAC, has been checked.
    """

    def __init__(self, keys: SessionKeys) -> None:
        self._encipherment = Encipherment(keys.enc)
        self._command_mac = keys.loaded_mac
        self._answer_mac = Mac(keys.rmac)
        self._chaining_value = bytes(BLOCK)
        self._counter = 0
        self.open(Level.AUTHENTICATED)

    def open(self, level: Level) -> None:
        """From now on messages are protected at this level."""
        self.checks_commands = Level.C_MAC in level
        """Whether commands bear a C-MAC."""
        self._decrypts_commands = Level.C_DECRYPTION in level
        self._signs_answers = Level.R_MAC in level
        self._encrypts_answers = Level.R_ENCRYPTION in level

    def authenticate(self, command: Command) -> bytes:
        """The data of EXTERNAL AUTHENTICATE without its C-MAC.

        :raises StatusError: 6982, the C-MAC is wrong
        """
        return self._without_mac(command)

    def unwrap(self, command: Command) -> Command:
        """The command that was meant, with the class of a plain one.

        :raises StatusError: 6982, a wrong C-MAC or padding: the session must end
        """
        data = self._without_mac(command)
        self._counter += 1
        if self._decrypts_commands and data:
            data = self._decrypted(data)
        cla = command.cla & ~CLA.SECURE_MESSAGING_BITS
        return Command(cla, command.ins, command.p1, command.p2, data, command.ne, command.is_extended)

    def wrap(self, data: bytes, sw: int) -> bytes:
        """The answer's data as they travel before `sw`; those of an error stay as they are."""
        if sw != SW.SUCCESS and sw >> 8 not in _WARNINGS:
            return data
        if self._encrypts_answers and data:
            data = self._encipherment.encrypt(self._counter_block(_RESPONSE_COUNTER_MARK), pad(data))
        if self._signs_answers:
            data += self._answer_mac.over(self._chaining_value + data + status_bytes(sw))[:MAC_LENGTH]
        return data

    def _without_mac(self, command: Command) -> bytes:
        data, mac = command.data[:-MAC_LENGTH], command.data[-MAC_LENGTH:]
        header = bytes((command.cla & ~CLA.CHANNEL_BITS, command.ins, command.p1, command.p2))
        expected = self._command_mac.over(self._chaining_value + header + _lc(command) + data)
        if not hmac.compare_digest(expected[:MAC_LENGTH], mac):
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
        self._chaining_value = expected
        return data

    def _decrypted(self, data: bytes) -> bytes:
        if len(data) % BLOCK:
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
        plain = unpad(self._encipherment.decrypt(self._counter_block(0), data))
        if plain is None:
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
        return plain

    def _counter_block(self, mark: int) -> bytes:
        return bytes((mark,)) + self._counter.to_bytes(BLOCK - 1, "big")


def _lc(command: Command) -> bytes:
    """The length field as it came: what is protected is the command as the card received it."""
    length = len(command.data)
    return b"\x00" + length.to_bytes(2, "big") if command.is_extended else bytes((length,))
