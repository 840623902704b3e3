"""Where a card's non-volatile memory is kept: a file (`CardFile`), or nowhere but in this process."""

from typing import Protocol

from simulators.card.state import CardState


class CardStore(Protocol):
    """Keeps one card's state."""

    @property
    def state(self) -> CardState:
        """The state last committed."""
        ...

    def commit(self, state: CardState) -> None:
        """Makes `state` durable: after this returns it survives a power cut; before, the old one does.

        :raises OSError: it can't be kept; the old state stands
        """


class VolatileStore:
    """A card that lives as long as this object: no file, no disk. For tests by the thousand."""

    def __init__(self, state: CardState) -> None:
        self._state = state

    @property
    def state(self) -> CardState:
        """The state last committed."""
        return self._state

    def commit(self, state: CardState) -> None:
        """Keeps `state`."""
        self._state = state
