"""VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER (SP 800-73-5 part 2, 3.2) and their answers."""

from dataclasses import dataclass

from cardio.apdu import INS, SW, CommandApdu, tries_left
from cardio.channel import CardChannel
from cardio.errors import (
    ApduError,
    CardError,
    InvalidPinError,
    InvalidPukError,
    PinBlockedError,
    PukBlockedError,
    TransportPinError,
)
from cardio.piv.identifiers import P1_LOG_OUT, Reference
from cardio.piv.pin import BLOCK_BYTES, MIN_CHARACTERS, pin_block, puk_block
from cardio.transport.pinpad import PinFormat, PinPad

_EMPTY_BLOCK = b"\xff" * BLOCK_BYTES
_PIN_FORMAT = PinFormat(BLOCK_BYTES, MIN_CHARACTERS, BLOCK_BYTES)


@dataclass(frozen=True)
class PinStatus:
    """What the card tells about its PIN without being given it."""

    verified: bool
    """Verified since the last reset; then the card does not tell the tries left."""

    tries_left: int | None
    """0 means blocked; None while verified."""


class References:
    """The PIN and the PUK of one card."""

    def __init__(self, channel: CardChannel) -> None:
        self._channel = channel

    def pin_status(self) -> PinStatus:
        """Asks with an empty VERIFY; costs no try."""
        response = self._channel.exchange(CommandApdu(0, INS.VERIFY, 0, Reference.PIN))
        if response.sw == SW.NO_FURTHER_QUALIFICATION:
            return PinStatus(verified=True, tries_left=None)
        if response.sw == SW.AUTHENTICATION_METHOD_BLOCKED:
            return PinStatus(verified=False, tries_left=0)
        left = tries_left(response.sw)
        if left is None:
            raise ApduError(response.sw, INS.VERIFY)
        return PinStatus(verified=False, tries_left=left)

    def log_out(self) -> None:
        """Forgets that the PIN was verified."""
        self._channel.send(CommandApdu(0, INS.VERIFY, P1_LOG_OUT, Reference.PIN))

    def verify_pin(self, pin: str) -> None:
        """See `PivSession.verify_pin`."""
        self._present(INS.VERIFY, Reference.PIN, pin_block(pin), Reference.PIN)

    def change_pin(self, old: str, new: str) -> None:
        """See `PivSession.change_pin`."""
        data = pin_block(old) + pin_block(new)
        self._present(INS.CHANGE_REFERENCE_DATA, Reference.PIN, data, Reference.PIN)

    def change_puk(self, old: str, new: str) -> None:
        """See `PivSession.change_puk`."""
        data = puk_block(old) + puk_block(new)
        self._present(INS.CHANGE_REFERENCE_DATA, Reference.PUK, data, Reference.PUK)

    def unblock_pin(self, puk: str, new_pin: str) -> None:
        """See `PivSession.unblock_pin`."""
        data = puk_block(puk) + pin_block(new_pin)
        self._present(INS.RESET_RETRY_COUNTER, Reference.PIN, data, Reference.PUK)

    def verify_pin_at(self, pad: PinPad) -> None:
        """See `PivSession.verify_pin_at`."""
        command = CommandApdu(0, INS.VERIFY, 0, Reference.PIN, _EMPTY_BLOCK).encode()
        self._require(pad.verify(command, _PIN_FORMAT), INS.VERIFY, Reference.PIN)

    def change_pin_at(self, pad: PinPad) -> None:
        """See `PivSession.change_pin_at`."""
        ins = INS.CHANGE_REFERENCE_DATA
        command = CommandApdu(0, ins, 0, Reference.PIN, _EMPTY_BLOCK + _EMPTY_BLOCK).encode()
        self._require(pad.change(command, _PIN_FORMAT), ins, Reference.PIN)

    def replace_pin_at(self, pad: PinPad, old: str) -> None:
        """See `PivSession.replace_pin_at`."""
        ins = INS.CHANGE_REFERENCE_DATA
        command = CommandApdu(0, ins, 0, Reference.PIN, pin_block(old) + _EMPTY_BLOCK).encode()
        self._require(pad.replace(command, _PIN_FORMAT), ins, Reference.PIN)

    def unblock_pin_at(self, pad: PinPad) -> None:
        """See `PivSession.unblock_pin_at`."""
        ins = INS.RESET_RETRY_COUNTER
        command = CommandApdu(0, ins, 0, Reference.PIN, _EMPTY_BLOCK + _EMPTY_BLOCK).encode()
        self._require(pad.change(command, _PIN_FORMAT), ins, Reference.PUK)

    @staticmethod
    def _require(sw: int, ins: INS, checked: Reference) -> None:
        if sw != SW.NO_FURTHER_QUALIFICATION:
            raise refusal(ApduError(sw, ins), checked)

    def _present(self, ins: INS, p2: Reference, data: bytes, checked: Reference) -> None:
        """Sends what opens the reference `checked`, and names the refusal."""
        try:
            self._channel.send(CommandApdu(0, ins, 0, p2, data))
        except ApduError as error:
            raise refusal(error, checked) from None


def refusal(error: ApduError, checked: Reference) -> CardError:
    """The cause behind a status word that a PIN or PUK command got."""
    left = tries_left(error.sw)
    if left == 0 or error.sw == SW.AUTHENTICATION_METHOD_BLOCKED:
        return PinBlockedError() if checked == Reference.PIN else PukBlockedError()
    if left is not None:
        return InvalidPinError(left) if checked == Reference.PIN else InvalidPukError(left)
    if error.sw == SW.CONDITIONS_NOT_SATISFIED and checked == Reference.PIN:
        return TransportPinError()
    return error
