"""What a session knows of the PIN that was given in it; the PIN itself is not kept."""

import hashlib
import hmac
import os

from cardio.apdu import INS, SW, CommandApdu, ResponseApdu
from cardio.piv.identifiers import P1_LOG_OUT, Reference
from cardio.piv.pin import BLOCK_BYTES

_KEY_BYTES = 32


class GivenPin:
    """Follows the commands of a session; `owed` once the card has forgotten a PIN that it had accepted."""

    def __init__(self) -> None:
        self._key = os.urandom(_KEY_BYTES)
        self._digest: bytes | None = None
        self.owed = False
        """Whether the card accepted a PIN in this session, and was reset since."""
        self.fresh = False
        """Whether the session's last command gave the PIN: 9C signs right after it only (part 1, table 5)."""

    def was_accepted(self, block: bytes) -> bool:
        """Whether this is the PIN block that the card accepted last."""
        return self._digest is not None and hmac.compare_digest(self._digest, self._digest_of(block))

    def lost(self) -> None:
        """The card was reset, or away."""
        self.owed = self._digest is not None

    def forget(self) -> None:
        """Nothing is known any more of what the card would accept."""
        self._digest, self.owed, self.fresh = None, False, False

    def saw(self, command: CommandApdu, response: ResponseApdu) -> None:
        """A command of the session, and what became of it."""
        self.fresh = False
        if command.p2 != Reference.PIN:
            return
        done = response.sw == SW.NO_FURTHER_QUALIFICATION
        if command.ins == INS.VERIFY and command.data:
            self._given(command.data, accepted=done)
            self.fresh = done
        elif command.ins == INS.CHANGE_REFERENCE_DATA:
            self._given(command.data[BLOCK_BYTES:], accepted=done)
        elif command.ins == INS.RESET_RETRY_COUNTER or _is_log_out(command):
            self.forget()

    def _given(self, block: bytes, *, accepted: bool) -> None:
        self.forget()
        if accepted:
            self._digest = self._digest_of(block)

    def _digest_of(self, block: bytes) -> bytes:
        return hmac.digest(self._key, block, hashlib.sha256)


def _is_log_out(command: CommandApdu) -> bool:
    return command.ins == INS.VERIFY and command.p1 == P1_LOG_OUT
