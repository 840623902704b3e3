"""A card that something stands in front of: everything but the commands passes as it is."""

from simulators.readers.vpcd import Card


class WrappedCard:
    """Passes everything on to `card`; who stands in front overrides what it changes."""

    def __init__(self, card: Card) -> None:
        self._card = card

    @property
    def atr(self) -> bytes:
        """The answer to reset."""
        return self._card.atr

    def power_on(self) -> bytes:
        """Powers the card."""
        return self._card.power_on()

    def power_off(self) -> None:
        """Takes the power away."""
        self._card.power_off()

    def reset(self) -> bytes:
        """Warm reset."""
        return self._card.reset()

    def transmit(self, command: bytes) -> bytes:
        """The card's answer."""
        return self._card.transmit(command)
