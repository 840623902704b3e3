"""The registry's view of readers, and a connection that counts what passes through it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, runtime_checkable

from cardio.transport import pcsc
from cardio.transport.base import CardConnection


class Readers(Protocol):
    """The readers at which cards are produced."""

    def names(self) -> Sequence[str]:
        """Full names. Raises ReaderUnavailableError when there is no way to ask."""
        ...

    def connect(self, name: str) -> CardConnection:
        """Powers the card in a reader. Raises a TransportError."""
        ...


class PcscReaders:
    """The readers of this machine."""

    def names(self) -> Sequence[str]:
        """Full reader names."""
        return pcsc.list_readers()

    def connect(self, name: str) -> CardConnection:
        """Powers the card in that reader."""
        return pcsc.connect(name)


@runtime_checkable
class _Exclusive(Protocol):
    def exclusive(self) -> AbstractContextManager[None]: ...


class CountingConnection:
    """Passes everything on and counts the APDUs, GET RESPONSE and chained parts too."""

    def __init__(self, inner: CardConnection) -> None:
        self._inner = inner
        self.apdus = 0

    @property
    def name(self) -> str:
        """The reader's full name."""
        return self._inner.name

    @property
    def atr(self) -> bytes:
        """The answer to reset."""
        return self._inner.atr

    def transmit(self, command: bytes) -> bytes:
        """Sends one command APDU."""
        self.apdus += 1
        return self._inner.transmit(command)

    def reset(self) -> None:
        """Warm-resets the card."""
        self._inner.reset()

    def close(self) -> None:
        """Ends the connection."""
        self._inner.close()

    def exclusive(self) -> AbstractContextManager[None]:
        """Keeps other programs off the card, where the transport can, and resets it before they get it."""
        return self._inner.exclusive() if isinstance(self._inner, _Exclusive) else nullcontext()
