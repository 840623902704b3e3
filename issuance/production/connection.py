"""The registry's view of readers, and a connection that counts what passes through it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cardio.transport import pcsc
from cardio.transport.base import BatchConnection, CardConnection


class Readers(Protocol):
    """The readers at which cards are produced."""

    def names(self) -> Sequence[str]:
        """Full names. Raises ReaderUnavailableError when there is no way to ask."""
        ...

    def connect(self, name: str) -> CardConnection:
        """Powers the card in a reader. Raises a TransportError."""
        ...


@dataclass(frozen=True)
class Job:
    """Whose work on which card a connection is for."""

    operator: str
    card_number: str | None = None
    """None: the first card that is found there."""


@runtime_checkable
class JobReaders(Readers, Protocol):
    """Readers that bind a connection to its job."""

    def connect_for(self, name: str, job: Job) -> CardConnection:
        """As `connect`, for this job alone. Raises also WrongCardError."""
        ...


@runtime_checkable
class OfficeReaders(Readers, Protocol):
    """Readers that stand in offices."""

    def names_at(self, office: str) -> Sequence[str]:
        """The names of those in one office. Raises ReaderUnavailableError when there is no way to ask."""
        ...

    def require_at(self, office: str, name: str) -> None:
        """Raises NotFoundError for a reader that doesn't stand there."""
        ...


def names_at(readers: Readers, office: str) -> Sequence[str]:
    """The readers of an office, as far as these readers know offices."""
    return readers.names_at(office) if isinstance(readers, OfficeReaders) else readers.names()


def require_at(readers: Readers, office: str, name: str) -> None:
    """Raises NotFoundError for another office's reader, as far as these readers know offices."""
    if isinstance(readers, OfficeReaders):
        readers.require_at(office, name)


def connect_for(readers: Readers, name: str, job: Job) -> "CountingConnection":
    """Powers the card in a reader for a job, as far as these readers bind. Raises a TransportError."""
    if isinstance(readers, JobReaders):
        return CountingConnection(readers.connect_for(name, job))
    return CountingConnection(readers.connect(name))


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
        self._batching = inner if isinstance(inner, BatchConnection) else None
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

    @property
    def max_batch(self) -> int:
        """How many commands may travel together."""
        return 1 if self._batching is None else self._batching.max_batch

    def transmit_all(self, commands: Sequence[bytes]) -> Sequence[bytes]:
        """Sends commands together where the transport does, else the first alone."""
        if self._batching is None:
            return [self.transmit(commands[0])]
        self.apdus += 1
        answers = self._batching.transmit_all(commands)
        self.apdus += len(answers) - 1
        return answers

    def reset(self) -> None:
        """Warm-resets the card."""
        self._inner.reset()

    def close(self) -> None:
        """Ends the connection."""
        self._inner.close()

    def exclusive(self) -> AbstractContextManager[None]:
        """Keeps other programs off the card, where the transport can, and resets it before they get it."""
        return self._inner.exclusive() if isinstance(self._inner, _Exclusive) else nullcontext()
