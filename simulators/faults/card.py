"""A card that follows a fault script."""

from typing import Protocol, runtime_checkable

from simulators.card.errors import CardMuteError, PowerCutError
from simulators.clock import Clock, RealClock
from simulators.faults.script import Effect, Fault, FaultScript
from simulators.readers.vpcd import Card

_STATUS_LENGTH = 2
_MILLISECONDS = 1000


@runtime_checkable
class TearableCard(Protocol):
    """A card that counts its durable writes, as `SimulatedCard` does."""

    def cut_power_after_writes(self, writes: int) -> None:
        """Orders one power cut, right after so many durable writes from now."""


class FaultyCard:
    """Stands between a reader and `card`; `other` is the card that a SWAP brings.

    APDUs are counted over resets and power-ons, from the script's beginning. CUT_AT_WRITE is an order to the
    card that is in at that APDU.

    :raises ValueError: the script swaps and there is no other card, or it cuts at the writes of a card that
        isn't a `TearableCard`
    """

    def __init__(
        self, card: Card, script: FaultScript, other: Card | None = None, clock: Clock | None = None
    ) -> None:
        effects = {fault.effect for fault in script.faults}
        if other is None and Effect.SWAP in effects:
            raise ValueError("a script that swaps cards needs the other card")
        if Effect.CUT_AT_WRITE in effects and not _all_tearable(card, other):
            raise ValueError("a script that cuts at a write needs cards that count their writes")
        self._card = card
        self._other = other
        self._faults = {fault.apdu: fault for fault in script.faults}
        self._clock = clock or RealClock()
        self._mute = False
        self.apdus = 0
        """Commands so far."""

    @property
    def atr(self) -> bytes:
        """The answer to reset of the card that is in."""
        return self._card.atr

    def power_on(self) -> bytes:
        """Powers the card; a mute one speaks again."""
        self._mute = False
        return self._card.power_on()

    def power_off(self) -> None:
        """Takes the power away."""
        self._mute = False
        self._card.power_off()

    def reset(self) -> bytes:
        """Warm reset; a mute card speaks again."""
        self._mute = False
        return self._card.reset()

    def transmit(self, command: bytes) -> bytes:
        """The card's answer, or what the script makes of it.

        :raises PowerCutError: the power failed
        :raises CardMuteError: the card doesn't answer
        """
        self.apdus += 1
        fault = self._faults.get(self.apdus)
        if self._mute:
            raise CardMuteError
        if fault is None:
            return self._card.transmit(command)
        self._before(fault)
        if fault.effect is Effect.STATUS:
            return fault.value.to_bytes(_STATUS_LENGTH, "big")
        return self._after(fault, self._card.transmit(command))

    def _before(self, fault: Fault) -> None:
        if fault.effect is Effect.CUT_BEFORE:
            self._cut()
        if fault.effect is Effect.CUT_AT_WRITE and isinstance(self._card, TearableCard):
            self._card.cut_power_after_writes(fault.value)
        if fault.effect is Effect.DELAY:
            self._clock.sleep(fault.value / _MILLISECONDS)
        if fault.effect is Effect.SWAP and self._other is not None:
            self._card.power_off()
            self._card, self._other = self._other, self._card
            self._card.power_on()

    def _after(self, fault: Fault, answer: bytes) -> bytes:
        if fault.effect is Effect.CUT_AFTER:
            self._cut()
        if fault.effect is Effect.MUTE:
            self._mute = True
            raise CardMuteError
        if fault.effect is Effect.TRUNCATE:
            return answer[: fault.value]
        if fault.effect is Effect.PROLONG:
            return answer[:-_STATUS_LENGTH] + bytes(fault.value) + answer[-_STATUS_LENGTH:]
        return answer

    def _cut(self) -> None:
        self._card.power_off()
        raise PowerCutError(0)


def _all_tearable(card: Card, other: Card | None) -> bool:
    return all(isinstance(each, TearableCard) for each in (card, other) if each is not None)
