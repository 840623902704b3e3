"""What a reader and a connection to it must be like, whether they are pyscard's or of this process."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class PyscardConnectionLike(Protocol):
    """The part of pyscard's `CardConnection` used here; raises pyscard's exceptions.

    A connection of a reader inside this process that takes part in transactions also has `lock()` and
    `unlock(disposition)`.
    """

    def connect(self, *, disposition: int) -> None:
        """Powers the card; `disposition` says what `disconnect` does to it."""

    def reconnect(self, *, disposition: int) -> None:
        """Resets the card and goes on with it."""

    def disconnect(self) -> None:
        """Lets the card go."""

    def release(self) -> None:
        """Frees what the connection held."""

    def getATR(self) -> Sequence[int]:  # noqa: N802 - pyscard's name
        """The answer to reset."""
        ...

    def transmit(self, command: list[int]) -> tuple[Sequence[int], int, int]:
        """One command APDU; returns data, SW1, SW2."""
        ...

    def control(self, code: int, command: list[int]) -> Sequence[int]:
        """A request to the reader itself."""
        ...


class InProcessReaderLike(Protocol):
    """A reader inside this process, shaped like pyscard's `Reader`."""

    @property
    def name(self) -> str:
        """The reader's full name, unique among all readers."""
        ...

    def createConnection(self) -> PyscardConnectionLike:  # noqa: N802 - pyscard's name
        """A fresh, unconnected connection."""
        ...

    def presence(self) -> "ReaderState":
        """Whether a card is in, as `reader_states` tells it."""
        ...


@dataclass(frozen=True)
class ReaderState:
    """What a reader says of its slot at one moment."""

    atr: bytes | None
    """The card's answer to reset; None where there is no card."""

    movements: int
    """Counts insertions and removals, up to 65,535 and around: two that differ tell of a change."""
