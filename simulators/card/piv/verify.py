"""VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER (SP 800-73-5 part 2, section 3.2).

A try is counted durably *before* the comparison and given back after it, so that pulling the power never
gives a guess for free.

The transport PIN: a delivered card has a PIN that is only good for being replaced by its holder. Until then
VERIFY and the private keys answer 6985, unless the issuer authenticated (9B) since the last reset.

With PIN and PUK both blocked the card can't be used any more: nothing gives a try back after issuance, and
the private keys refuse, even the one that wants no PIN.
"""

import hmac
import re
from enum import IntEnum, unique

from simulators.card.iso7816 import SW, Command, StatusError, tries_remaining
from simulators.card.memory import CardMemory
from simulators.card.piv.identifiers import KeyReference
from simulators.card.piv.session import SecuritySession
from simulators.card.piv.state import PivState
from simulators.card.piv.stored import REFERENCE_LENGTH, ReferenceData

# SP 800-73-5 part 1, section 2.4.3: six to eight decimal digits, padded with FF.
_PIN_FORMAT = re.compile(rb"[0-9]{6,8}\xff*", re.DOTALL)


@unique
class VerifyP1(IntEnum):
    """P1 of VERIFY (SP 800-73-5 part 2, section 3.2.1)."""

    VERIFY = 0x00
    RESET_STATUS = 0xFF


def is_pin_block(block: bytes) -> bool:
    """Whether these are the 8 bytes of a well-formed PIN."""
    return len(block) == REFERENCE_LENGTH and _PIN_FORMAT.fullmatch(block) is not None


class ReferenceDataCommands:
    """The three commands that PIN and PUK take."""

    def __init__(self, memory: CardMemory, session: SecuritySession) -> None:
        self._memory = memory
        self._session = session

    def verify(self, command: Command) -> bytes:
        """VERIFY: checks the PIN, tells the tries left (no data) or logs out (P1 = FF).

        :raises StatusError: 63Cx, 6983, 6985 (transport PIN), 6A80 (format; costs no try), 6A86, 6A88
        """
        if command.p2 != KeyReference.PIV_PIN:
            raise StatusError(SW.REFERENCE_DATA_NOT_FOUND)
        if command.p1 == VerifyP1.RESET_STATUS:
            return self._log_out(command)
        if command.p1 != VerifyP1.VERIFY:
            raise StatusError(SW.INCORRECT_P1_P2)
        if not command.data:
            return self._tell_status()
        self._verify_pin(command.data)
        return b""

    def _log_out(self, command: Command) -> bytes:
        if command.data:
            raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
        self._session.pin_lost()
        return b""

    def _tell_status(self) -> bytes:
        if self._session.pin_verified:
            return b""
        self._require_tries(self._memory.piv.pin)
        raise StatusError(tries_remaining(self._memory.piv.pin.tries_left))

    def _verify_pin(self, presented: bytes) -> None:
        self._require_tries(self._memory.piv.pin)
        _require_pin_format(presented)
        if transport_pin_holds(self._memory.piv, self._session):
            raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)
        self._session.pin_lost()
        self._present_pin(presented)
        state = self._memory.piv
        self._memory.commit_piv(state.with_pin(state.pin.restored(), is_transport=state.pin_is_transport))
        self._session.pin_succeeded()

    def change(self, command: Command) -> bytes:
        """CHANGE REFERENCE DATA: the old value, then the new one, 8 bytes each.

        :raises StatusError: 63Cx, 6983, 6A80 (format; costs no try), 6A86, 6A88
        """
        if command.p2 not in (KeyReference.PIV_PIN, KeyReference.PUK):
            raise StatusError(SW.REFERENCE_DATA_NOT_FOUND)
        old, new = _two_values(command)
        if command.p2 == KeyReference.PUK:
            self._present_puk(old)
            self._memory.commit_piv(self._memory.piv.with_puk(self._memory.piv.puk.renewed(new)))
        else:
            self._change_pin(old, new)
        return b""

    def _change_pin(self, old: bytes, new: bytes) -> None:
        self._require_tries(self._memory.piv.pin)
        _require_pin_format(old)
        _require_pin_format(new)
        self._session.pin_lost()
        self._present_pin(old)
        state = self._memory.piv
        # The issuer exchanges one transport PIN for another; anybody else makes it the holder's own.
        is_transport = state.pin_is_transport and self._session.issuer_authenticated
        self._memory.commit_piv(state.with_pin(state.pin.renewed(new), is_transport=is_transport))
        self._session.pin_verified = True

    def reset_retry_counter(self, command: Command) -> bytes:
        """RESET RETRY COUNTER: the PUK, then a new PIN, 8 bytes each; the new PIN is an ordinary one.

        Who was verified stays so, unless the PUK is wrong.

        :raises StatusError: 63Cx or 6983 (of the PUK), 6A80 (format; costs no try), 6A86, 6A88
        """
        if command.p2 != KeyReference.PIV_PIN:
            raise StatusError(SW.REFERENCE_DATA_NOT_FOUND)
        puk, new_pin = _two_values(command)
        _require_pin_format(new_pin)
        self._require_tries(self._memory.piv.puk)
        try:
            self._present_puk(puk)
        except StatusError:  # SP 800-73-5 part 2, 3.2.3: 63Cx alone changes the PIN's security status
            self._session.pin_lost()
            raise
        state = self._memory.piv
        unblocked = state.with_pin(state.pin.renewed(new_pin), is_transport=False)
        self._memory.commit_piv(unblocked.with_puk(state.puk.restored()))
        return b""

    def _present_pin(self, presented: bytes) -> None:
        state = self._memory.piv
        counted = state.pin.counted()
        self._memory.commit_piv(state.with_pin(counted, is_transport=state.pin_is_transport))
        _compare(counted, presented)

    def _present_puk(self, presented: bytes) -> None:
        state = self._memory.piv
        self._require_tries(state.puk)
        counted = state.puk.counted()
        self._memory.commit_piv(state.with_puk(counted))
        _compare(counted, presented)

    def _require_tries(self, reference: ReferenceData) -> None:
        if reference.is_blocked:
            raise StatusError(SW.AUTHENTICATION_METHOD_BLOCKED)


def transport_pin_holds(state: PivState, session: SecuritySession) -> bool:
    """Whether the transport PIN still locks the card: not replaced yet, and the issuer not in control."""
    return state.pin_is_transport and not session.issuer_authenticated


def _compare(counted: ReferenceData, presented: bytes) -> None:
    if not hmac.compare_digest(counted.value, presented):
        raise StatusError(tries_remaining(counted.tries_left))


def _require_pin_format(block: bytes) -> None:
    if not is_pin_block(block):
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)


def _two_values(command: Command) -> tuple[bytes, bytes]:
    if command.p1:
        raise StatusError(SW.INCORRECT_P1_P2)
    if len(command.data) != 2 * REFERENCE_LENGTH:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    return command.data[:REFERENCE_LENGTH], command.data[REFERENCE_LENGTH:]
