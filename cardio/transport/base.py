"""What every transport offers, and how each can fail."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from cardio.errors import CardError


class CardConnection(Protocol):
    """A powered card that answers one command APDU at a time (ISO/IEC 7816-3/-4).

    Implementations raise only subclasses of `TransportError`; any status word is an answer, not an error.
    """

    @property
    def name(self) -> str:
        """The reader's full name."""
        ...

    @property
    def atr(self) -> bytes:
        """The answer to reset, 2 to 33 bytes."""
        ...

    def transmit(self, command: bytes) -> bytes:
        """Sends one command APDU (4 to 65,544 bytes); returns the response data and its two status bytes."""
        ...

    def reset(self) -> None:
        """Warm-resets the card: verified PINs, command chains and selected applications are gone."""
        ...

    def close(self) -> None:
        """Ends the connection and leaves the card reset. Closing twice is allowed."""
        ...


@runtime_checkable
class SharedConnection(CardConnection, Protocol):
    """A connection to a card that other programs use too, and may reset."""

    def transaction(self) -> AbstractContextManager[None]:
        """Keeps other programs off the card.

        :raises CardResetError, CardRemovedError: so it was since the last command; `reconnect` goes on
        """
        ...

    def reconnect(self) -> None:
        """Takes up whatever card is in the reader now, as it is: it is not reset.

        :raises CardRemovedError: there is none
        """
        ...


@runtime_checkable
class BatchConnection(CardConnection, Protocol):
    """A connection to a card that is far away: commands travel together where they can."""

    @property
    def max_batch(self) -> int:
        """How many commands may travel together; 1: none do."""
        ...

    def transmit_all(self, commands: Sequence[bytes]) -> Sequence[bytes]:
        """Sends commands in their order, up to the first whose answer isn't 9000; the answers so far.

        At least the first is sent; whether all are is the connection's choice. An answer that the card
        announces by 61xx comes whole where it can.
        """
        ...


class TransportError(CardError):
    """The card could not be reached. Base of:

    TransportError
    ├── ReaderUnavailableError   no PC/SC service, or no reader of that name
    ├── NoCardError              a reader, but no card in it
    ├── ReaderBusyError          another program holds the card exclusively
    ├── TransmitError            the reader did not carry this APDU; the card may still be there
    └── CardRemovedError         the card went away in the middle
        ├── CardResetError       another program reset it
        └── CardChangedError     another card, or one that can't be told from another, is in its place
    """

    def __init__(self, reader: str, detail: str) -> None:
        super().__init__(f"{reader}: {detail}")
        self.reader = reader
        self.detail = detail


class ReaderUnavailableError(TransportError):
    """No PC/SC service answers, or it has no reader of that name."""


class NoCardError(TransportError):
    """The reader is there, and empty."""


class ReaderBusyError(TransportError):
    """Another program holds the card exclusively."""


class TransmitError(TransportError):
    """The reader did not carry this APDU (too long for it, or a transmission error)."""


class CardRemovedError(TransportError):
    """The card was pulled or reset by another program; nothing is known of the last command."""


class CardResetError(CardRemovedError):
    """Another program reset the card (SCARD_W_RESET_CARD); the command was not carried out."""


class CardChangedError(CardRemovedError):
    """The card in the reader is not known to be the one that the work began with; nothing was sent to it."""
