"""A reader inside this process: no pcscd, no privileges, shaped like pyscard's own.

It behaves like a shared PC/SC reader: a reset through one connection is told to the others (80100068), and a
transaction of one keeps the others waiting.
"""

import threading
from collections.abc import Sequence
from enum import IntEnum, unique

from cardio.transport import pcsc
from simulators.card.errors import CardMuteError, PowerCutError, ReaderFailureError
from simulators.readers.pinpad import PinPad
from simulators.readers.vpcd import Card

_STATUS_LENGTH = 2
_MAX_MOVEMENTS = 0xFFFF


@unique
class Disposition(IntEnum):
    """What happens to the card when a connection ends (winscard.h)."""

    LEAVE_CARD = 0
    RESET_CARD = 1
    UNPOWER_CARD = 2
    EJECT_CARD = 3


@unique
class Hresult(IntEnum):
    """The PC/SC results that this reader gives (winscard.h)."""

    SUCCESS = 0
    INVALID_HANDLE = 0x80100003
    NO_SMARTCARD = 0x8010000C
    NOT_TRANSACTED = 0x80100016
    RESET_CARD = 0x80100068
    REMOVED_CARD = 0x80100069
    UNSUPPORTED_FEATURE = 0x8010001F


class InProcessReader(pcsc.PyscardReader):  # type: ignore[misc]  # pyscard has no types
    """A reader named `name`, registered with cardio's PC/SC module until `close`; maybe with a PIN pad.

    :raises ValueError: a reader of that name is registered already
    """

    def __init__(self, name: str, pad: PinPad | None = None) -> None:
        super().__init__(name)
        self._state = _Slot()
        self._pad = pad
        pcsc.register_reader(self)

    def insert(self, card: Card) -> None:
        """Puts a card in; a card that was in is removed first."""
        self._state.insert(card)

    def remove(self) -> None:
        """Pulls the card, in the middle of whatever it was doing. An empty reader stays empty."""
        self._state.remove()

    def createConnection(self) -> "InProcessConnection":  # noqa: N802 - pyscard's name
        """A fresh, unconnected connection."""
        return InProcessConnection(self._state, self._pad)

    def presence(self) -> pcsc.ReaderState:
        """Whether a card is in, and how often one came or went."""
        return self._state.presence()

    def close(self) -> None:
        """Removes the card and takes the reader away. Closing twice is allowed."""
        self.remove()
        pcsc.unregister_reader(self.name)

    def __enter__(self) -> "InProcessReader":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


class InProcessConnection:
    """One program's connection to the card in an `InProcessReader`, shaped like pyscard's own."""

    def __init__(self, slot: "_Slot", pad: PinPad | None) -> None:
        self._slot = slot
        self._pad = pad
        self._seen: int | None = None  # the card's reset that this connection knows of
        self._disposition = Disposition.LEAVE_CARD

    def connect(self, *, disposition: int) -> None:
        """Powers the card if nobody did."""
        self._disposition = Disposition(disposition)
        self._seen = self._slot.connect()

    def reconnect(self, *, disposition: int) -> None:
        """Goes on with the card, reset unless `disposition` leaves it alone."""
        leave = disposition == Disposition.LEAVE_CARD
        self._seen = self._slot.connect() if leave else self._slot.reset(self)

    def disconnect(self) -> None:
        """Lets the card go, as the disposition given to `connect` says."""
        if self._seen is None:
            return
        seen, self._seen = self._seen, None
        self._slot.end_transaction(self, whole=True)
        self._slot.disconnect(self, seen, self._disposition)

    def release(self) -> None:
        """Holds nothing else."""

    def getATR(self) -> list[int]:  # noqa: N802 - pyscard's name
        """The answer to reset."""
        return list(self._slot.atr(self._seen))

    def transmit(self, command: Sequence[int]) -> tuple[bytes, int, int]:
        """One command APDU; returns data, SW1, SW2."""
        answer = self._slot.transmit(self, self._seen, bytes(command))
        if len(answer) < _STATUS_LENGTH:  # pyscard's own connection says so without a PC/SC error
            raise _failure("the answer has no status word", Hresult.SUCCESS)
        return answer[:-_STATUS_LENGTH], answer[-2], answer[-1]

    def control(self, code: int, command: Sequence[int]) -> bytes:
        """A request to the reader itself: its PIN pad, if it has one."""
        if self._pad is None:
            raise _failure("the reader has no such feature", Hresult.UNSUPPORTED_FEATURE)
        try:
            return self._pad.control(
                code, bytes(command), lambda apdu: self._slot.transmit(self, self._seen, apdu)
            )
        except ValueError as error:
            raise _failure(str(error), Hresult.UNSUPPORTED_FEATURE) from None

    def lock(self) -> int:
        """Begins a transaction: other connections wait; it nests. Returns a PC/SC result, 0 for success."""
        try:
            self._slot.begin_transaction(self, self._seen)
        except pcsc.SmartcardException as error:
            return int(error.hresult)
        return Hresult.SUCCESS

    def unlock(self, disposition: int) -> None:
        """Ends the transaction; the card is reset before another connection gets it, or left."""
        self._slot.end_transaction(self, whole=False, reset=disposition == Disposition.RESET_CARD)


class _Slot:
    """The card in a reader, shared by all connections; `_resets` counts every power-on, reset and removal."""

    def __init__(self) -> None:
        self._card: Card | None = None
        self._resets = 0
        self._movements = 0
        self._connections = 0
        self._owner: InProcessConnection | None = None
        self._depth = 0
        self._free = threading.Condition()

    def insert(self, card: Card) -> None:
        self.remove()
        with self._free:
            card.power_on()
            self._card = card
            self._resets += 1
            self._movements += 1

    def remove(self) -> None:
        with self._free:
            if self._card is not None:
                self._card.power_off()
                self._movements += 1
            self._card = None
            self._resets += 1
            self._owner, self._depth = None, 0
            self._free.notify_all()

    def presence(self) -> pcsc.ReaderState:
        with self._free:
            atr = None if self._card is None else self._card.atr
            return pcsc.ReaderState(atr, self._movements & _MAX_MOVEMENTS)

    def connect(self) -> int:
        with self._free:
            self._require_card()
            return self._resets

    def reset(self, connection: InProcessConnection) -> int:
        with self._free:
            self._wait_for_turn(connection)
            self._require_card().reset()
            self._resets += 1
            return self._resets

    def disconnect(self, connection: InProcessConnection, seen: int, disposition: Disposition) -> None:
        with self._free:
            self._wait_for_turn(connection)
            if self._card is None or seen != self._resets or disposition == Disposition.LEAVE_CARD:
                return
            self._card.reset()
            self._resets += 1

    def atr(self, seen: int | None) -> bytes:
        with self._free:
            return self._require_known(seen).atr

    def transmit(self, connection: InProcessConnection, seen: int | None, command: bytes) -> bytes:
        with self._free:
            self._wait_for_turn(connection)
            card = self._require_known(seen)
            try:
                return card.transmit(command)
            except PowerCutError:
                self._card = None
                self._resets += 1
                self._movements += 1
                raise _failure("the card was removed", Hresult.REMOVED_CARD) from None
            except (CardMuteError, ReaderFailureError) as error:
                raise _failure(str(error), Hresult.NOT_TRANSACTED) from None

    def begin_transaction(self, connection: InProcessConnection, seen: int | None) -> None:
        with self._free:
            self._wait_for_turn(connection)
            self._require_known(seen)
            self._owner = connection
            self._depth += 1

    def end_transaction(self, connection: InProcessConnection, *, whole: bool, reset: bool = False) -> None:
        with self._free:
            if self._owner is not connection:
                return
            if reset and self._card is not None:
                self._card.reset()
                self._resets += 1
            self._depth = 0 if whole else self._depth - 1
            if self._depth == 0:
                self._owner = None
                self._free.notify_all()

    def _wait_for_turn(self, connection: InProcessConnection) -> None:
        while self._owner is not None and self._owner is not connection:
            self._free.wait()

    def _require_card(self) -> Card:
        if self._card is None:
            raise pcsc.NoCardException("no card in the reader", hresult=Hresult.NO_SMARTCARD)
        return self._card

    def _require_known(self, seen: int | None) -> Card:
        """The card, if it is still as this connection left it."""
        if seen is None:
            raise _failure("not connected", Hresult.INVALID_HANDLE)
        if self._card is None:
            raise _failure("the card was removed", Hresult.REMOVED_CARD)
        if seen != self._resets:
            raise _failure("the card was reset", Hresult.RESET_CARD)
        return self._card


def _failure(detail: str, hresult: Hresult) -> Exception:
    error: Exception = pcsc.CardConnectionException(detail, hresult=hresult)
    return error
