"""SCP03 without I/O: commands wrapped, answers unwrapped (GPCS 2.3.1 Amendment D v1.2, 6.2.4 to 6.2.7)."""

import hmac
from typing import NamedTuple

from cardio.apdu import (
    CLA_PROPRIETARY,
    INS,
    MAX_SHORT_DATA,
    MAX_SHORT_LE,
    STATUS_BYTES,
    SW,
    CommandApdu,
    ResponseApdu,
)
from cardio.globalplatform.errors import ResponseMacError
from cardio.globalplatform.keys import AES_BLOCK_BYTES
from cardio.globalplatform.messagecipher import MessageCipher
from cardio.globalplatform.scp03 import MAC_BYTES, KeyedCmac, SecurityLevel, SessionKeys

CLA_SCP = 0x04  # bit 3 of CLA: GlobalPlatform's secure messaging (GPCS table 11-11)
_CLA_WITHOUT_CHANNEL = 0xF0
_SHORT_LC_BYTES = 1
_EXTENDED_LC_BYTES = 3
_PADDING = b"\x80"  # then zeros, GPCS B.2.3
_FIRST_CHAINING_VALUE = bytes(16)
_R_ENCRYPTION_COUNTER = 0x80 << 120  # the most significant byte of the counter block, 6.2.7
_SW1_WITH_MAC = frozenset({0x61, 0x62, 0x63})  # warnings; 61 tells of more data, which is no error either


class MessageState(NamedTuple):
    """Where a session stands after a command was wrapped; its answer is unwrapped with it."""

    chaining_value: bytes
    counter: int


class SecureMessages:
    """The state of one session: chaining value and encryption counter.

    One command, then its answer; or several commands, then their answers, each with its command's state.

    Bytes in, bytes or a ResponseMacError out; what to do after an error is its owner's business.
    """

    def __init__(self, keys: SessionKeys, level: SecurityLevel) -> None:
        self.level = level
        self._cipher = MessageCipher(keys.enc)
        self._c_mac = keys.c_mac
        self._r_mac = KeyedCmac(keys.rmac)
        self.state = MessageState(_FIRST_CHAINING_VALUE, 0)

    def external_authenticate(self, host_cryptogram: bytes) -> CommandApdu:
        """EXTERNAL AUTHENTICATE, the first command of the chain: its C-MAC, and never encrypted (7.1.2)."""
        cla = CLA_PROPRIETARY | CLA_SCP
        command = CommandApdu(cla, INS.EXTERNAL_AUTHENTICATE, self.level, 0, host_cryptogram)
        return self._with_mac(command, host_cryptogram)

    def wrap(self, command: CommandApdu) -> CommandApdu:
        """The command as it is sent; `Le` makes room for what is added to the answer."""
        if not self.level.c_mac:
            return command
        counter = self.state.counter + 1  # also by commands without data (6.2.6)
        self.state = self.state._replace(counter=counter)
        data = command.data
        if self.level.c_decryption and data:
            data = self._cipher.encrypt(counter, _pad(data))
        return self._with_mac(command, data)

    def unwrap(self, response: ResponseApdu, state: MessageState | None = None) -> ResponseApdu:
        """The answer to the last command wrapped, or to that of `state`, without MAC and in clear.

        :raises ResponseMacError: the R-MAC is missing or wrong, or what it protects can't be deciphered
        """
        if not self.level.r_mac:
            return response
        if not _carries_mac(response):
            # Whoever sits between can say "error" at will (6.2.5), but nothing more than that.
            if response.data:
                raise ResponseMacError(response.sw, "an error carries no data")
            return response
        state = state or self.state
        data = self._checked(response, state)
        if self.level.r_encryption and data:
            data = self._decrypt(data, response.sw, state)
        return ResponseApdu(data, response.sw)

    def _with_mac(self, command: CommandApdu, data: bytes) -> CommandApdu:
        """The command with `data` and their C-MAC (6.2.4); the whole MAC chains into the next."""
        cla = command.cla & _CLA_WITHOUT_CHANNEL | CLA_SCP
        length = len(data) + MAC_BYTES
        # The MAC covers Lc in the very form in which it is sent, but not Le.
        short = length <= MAX_SHORT_DATA and (command.le or 0) <= MAX_SHORT_LE
        lc = length.to_bytes(_SHORT_LC_BYTES if short else _EXTENDED_LC_BYTES, "big")
        covered = bytes((cla, command.ins, command.p1, command.p2)) + lc + data
        mac = self._c_mac.of(self.state.chaining_value + covered)
        self.state = self.state._replace(chaining_value=mac)
        protected = data + mac[:MAC_BYTES]
        return CommandApdu(command.cla | CLA_SCP, command.ins, command.p1, command.p2, protected, command.le)

    def _checked(self, response: ResponseApdu, state: MessageState) -> bytes:
        """The data before the R-MAC, which must be right (6.2.5)."""
        if len(response.data) < MAC_BYTES:
            raise ResponseMacError(response.sw, "it has no R-MAC")
        data, mac = response.data[:-MAC_BYTES], response.data[-MAC_BYTES:]
        expected = self._r_mac.of(state.chaining_value + data + response.sw.to_bytes(STATUS_BYTES, "big"))
        if not hmac.compare_digest(mac, expected[:MAC_BYTES]):
            raise ResponseMacError(response.sw, "its R-MAC is wrong")
        return data

    def _decrypt(self, data: bytes, sw: int, state: MessageState) -> bytes:
        if len(data) % AES_BLOCK_BYTES:
            raise ResponseMacError(sw, "its data are no whole blocks")
        stripped = self._cipher.decrypt(_R_ENCRYPTION_COUNTER | state.counter, data).rstrip(b"\0")
        if not stripped.endswith(_PADDING):
            raise ResponseMacError(sw, "its padding is wrong")
        return stripped[:-1]


def largest_data(level: SecurityLevel, room: int) -> int:
    """The longest data field, in bytes, whose wrapped form fits in `room` bytes."""
    if not level.c_mac:
        return room
    left = room - MAC_BYTES
    return left // AES_BLOCK_BYTES * AES_BLOCK_BYTES - len(_PADDING) if level.c_decryption else left


def _carries_mac(response: ResponseApdu) -> bool:
    return response.sw == SW.NO_FURTHER_QUALIFICATION or response.sw1 in _SW1_WITH_MAC


def _pad(data: bytes) -> bytes:
    padded = data + _PADDING
    return padded + bytes(-len(padded) % AES_BLOCK_BYTES)
