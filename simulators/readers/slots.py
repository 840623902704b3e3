"""A slot that cards are put into and taken out of, whichever stack is behind it."""

from typing import Protocol

from simulators.readers.vpcd import SLOTS, Card, VirtualReader, insert

_SLOT_WAIT_SECONDS = 1.0


class Slot(Protocol):
    """A reader as a hand sees it; `InProcessReader` is one."""

    @property
    def name(self) -> str:
        """The reader's full name."""
        ...

    def insert(self, card: Card) -> None:
        """Puts a card in; a card that was in is removed first."""

    def remove(self) -> None:
        """Pulls the card, in the middle of whatever it was doing. An empty slot stays empty."""


class VpcdSlot:
    """One of the slots of pcscd's virtual reader; waits `slot_wait_s` for another process to free it."""

    def __init__(self, port: int, slot_wait_s: float = _SLOT_WAIT_SECONDS) -> None:
        self._port = port
        self._slot_wait_s = slot_wait_s
        self._reader: VirtualReader | None = None

    @property
    def name(self) -> str:
        """The reader's full name."""
        return SLOTS[self._port]

    def insert(self, card: Card) -> None:
        """Puts a card in and returns once pcscd has noticed it.

        :raises ReaderSimulationError: the slot is taken by another process, gone, or pcscd saw nothing
        """
        self.remove()
        self._reader = insert(card, self._port, slot_wait_s=self._slot_wait_s)

    def remove(self) -> None:
        """Pulls the card and returns once pcscd has noticed."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.remove()
