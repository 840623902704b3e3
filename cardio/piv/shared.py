"""A PIV session on a card that other programs use, reset and swap meanwhile.

Each command goes in a PC/SC transaction, at whose beginning a reset by somebody else is noticed, so no
command is ever half done by one. What the reset has ended comes back only where that is safe:

    the application is selected again, once the card is known to be the same one by serial and GUID
    the PIN is given again when a command asks for it, if `ask_pin` gives the one that the card had accepted
    the management key has to be given again by whoever has it; writing without is refused by the card
    a secure channel (SCP03) has ended, and has to be opened again
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from cardio.apdu import INS, SW, CommandApdu, ResponseApdu
from cardio.channel import SHORT_APDUS, ApduPolicy, Send
from cardio.piv.givenpin import GivenPin
from cardio.piv.identifiers import Reference
from cardio.piv.identity import CardIdentity, read_identity
from cardio.piv.objects import ObjectId
from cardio.piv.pin import pin_block
from cardio.piv.session import PivSession
from cardio.piv.slots import Slot
from cardio.transport.base import CardChangedError, CardRemovedError, SharedConnection
from cardio.transport.pinpad import PinPad

# A card swapped so fast that nobody noticed would take these too, or count a wrong PIN for them.
_BOUND_TO_THE_CARD = frozenset(
    {
        INS.CHANGE_REFERENCE_DATA,
        INS.RESET_RETRY_COUNTER,
        INS.GENERATE_ASYMMETRIC_KEY_PAIR,
        INS.PUT_DATA,
        INS.YUBICO_IMPORT_KEY,
        INS.YUBICO_SET_MANAGEMENT_KEY,
    }
)


class SharedPivSession(PivSession):
    """A `PivSession` that outlives resets by other programs, and the card's short absence.

    `ask_pin` gives the PIN, from wherever the holder keeps it; a PIN that the card has not accepted in this
    session is not sent, so no try is ever used up unseen. Beyond `PivSession`, any method may raise:

    :raises CardChangedError: another card is in the reader, or one that tells no number; nothing was sent
    :raises CardRemovedError: no card is in the reader; once it is back, the session goes on
    :raises SecureChannelClosedError: a secure channel was open when the card was reset
    """

    def __init__(
        self,
        connection: SharedConnection,
        ask_pin: Callable[[], str] | None = None,
        policy: ApduPolicy = SHORT_APDUS,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._connection = connection
        self._ask_pin = ask_pin
        self._pin = GivenPin()
        self._stale = False
        self._checking = False
        with connection.transaction():
            super().__init__(connection, policy, random_bytes)
            self._identity = read_identity(self)
        self.channel.intercept(self._undisturbed)

    @property
    def identity(self) -> CardIdentity:
        """The card that the session is about."""
        return self._identity

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keeps other programs off the card; a reset before is made good first."""
        with self._held():
            if self._stale:
                self._resume()
            yield

    def reset(self) -> None:
        """See `PivSession.reset`; the PIN isn't given again after it."""
        self._lose()
        self._pin.forget()
        super().reset()

    def verify_pin_at(self, pad: PinPad) -> None:
        """See `PivSession.verify_pin_at`; what was typed can't be given again."""
        with self._at_pad():
            super().verify_pin_at(pad)

    def change_pin_at(self, pad: PinPad) -> None:
        """See `PivSession.change_pin_at`; what was typed can't be given again."""
        with self._at_pad():
            super().change_pin_at(pad)

    def replace_pin_at(self, pad: PinPad, old: str) -> None:
        """See `PivSession.replace_pin_at`; what was typed can't be given again."""
        with self._at_pad():
            super().replace_pin_at(pad, old)

    def unblock_pin_at(self, pad: PinPad) -> None:
        """See `PivSession.unblock_pin_at`; what was typed can't be given again."""
        with self._at_pad():
            super().unblock_pin_at(pad)

    def authenticate_management(self, key: bytes) -> None:
        """See `PivSession.authenticate_management`."""
        with self.transaction():  # of two commands
            super().authenticate_management(key)

    def put_object(self, object_id: ObjectId, data: bytes) -> None:
        """See `PivSession.put_object`; with a new CHUID, it is the same card under another GUID."""
        with self.transaction():
            super().put_object(object_id, data)
            if object_id == ObjectId.CHUID:
                self._identity = self._read_identity()

    @contextmanager
    def _at_pad(self) -> Iterator[None]:
        with self.transaction():
            self._pin.forget()
            self._require_same_card()
            yield

    @contextmanager
    def _held(self) -> Iterator[None]:
        """A transaction, whatever has happened to the card since the last one."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self._connection.transaction())
            except CardRemovedError:
                self._lose()
                self._connection.reconnect()
                stack.enter_context(self._connection.transaction())
            yield

    def _lose(self) -> None:
        self._stale = True
        self._pin.lost()
        self.channel.end_protection()

    def _resume(self) -> None:
        """Selects again. Through a secure channel nothing is selected: that would end a new one."""
        if not self.channel.is_protected:
            with self._unobserved():
                self._select()
        self._require_same_card()
        self._stale = False

    def _require_same_card(self) -> None:
        found = self._read_identity()
        if not found.is_surely(self._identity):
            self._stale = True
            raise CardChangedError(self._connection.name, "this is not surely the card that was in before")

    def _read_identity(self) -> CardIdentity:
        with self._unobserved():
            return read_identity(self)

    @contextmanager
    def _unobserved(self) -> Iterator[None]:
        """For commands of the session's own, inside a transaction."""
        self._checking = True
        try:
            yield
        finally:
            self._checking = False

    def _undisturbed(self, command: CommandApdu, send: Send) -> ResponseApdu:
        if self._checking:
            return send(command)
        with self._held() if command.ins == INS.SELECT else self.transaction():
            if _is_bound_to_the_card(command) and not self.channel.is_protected:
                self._require_same_card()
            response = send(command)
            if self._pin.owed and _asks_for_pin(command, response, fresh=self._pin.fresh):
                block = self._accepted_pin()
                if block is not None:
                    response = self._send_after_pin(block, command, send)
            self._pin.saw(command, response)
            return response

    def _accepted_pin(self) -> bytes | None:
        """The PIN block to give again; None where there is none that the card has accepted."""
        if self._ask_pin is None:
            return None
        block = pin_block(self._ask_pin())
        return block if self._pin.was_accepted(block) else None

    def _send_after_pin(self, block: bytes, command: CommandApdu, send: Send) -> ResponseApdu:
        verify = CommandApdu(0, INS.VERIFY, 0, Reference.PIN, block)
        self._require_same_card()
        verified = send(verify)
        self._pin.saw(verify, verified)
        if verified.sw != SW.NO_FURTHER_QUALIFICATION:
            return ResponseApdu(b"", SW.SECURITY_STATUS_NOT_SATISFIED)  # changed meanwhile: one try, no more
        return send(command)


def _is_bound_to_the_card(command: CommandApdu) -> bool:
    gives_pin = command.ins == INS.VERIFY and bool(command.data)
    return gives_pin or command.ins in _BOUND_TO_THE_CARD


def _asks_for_pin(command: CommandApdu, response: ResponseApdu, *, fresh: bool) -> bool:
    """Whether the card refused for want of the PIN, given again rightfully: for 9C only if just given."""
    if response.sw != SW.SECURITY_STATUS_NOT_SATISFIED:
        return False
    if command.ins == INS.GENERAL_AUTHENTICATE:
        return command.p2 != Reference.MANAGEMENT and (command.p2 != Slot.SIGNATURE or fresh)
    return command.ins == INS.GET_DATA
