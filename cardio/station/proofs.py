"""Certification requests signed at a station: the holder types their PIN there, and it stays there."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from cardio.piv.session import PivSession
from cardio.piv.slots import Slot
from cardio.station.errors import RefusedCommandError
from cardio.station.requestinfo import RequestInfo
from cardio.station.wire import KeySlot
from cardio.transport.base import CardConnection
from cardio.transport.pinpad import PinPad

SLOTS: Mapping[KeySlot, Slot] = MappingProxyType(
    {KeySlot.AUTHENTICATION: Slot.AUTHENTICATION, KeySlot.SIGNATURE: Slot.SIGNATURE}
)
_PURPOSES = {
    Slot.AUTHENTICATION: "a request for a certificate of its log-in key",
    Slot.SIGNATURE: "a request for a certificate of its signature key",
}


class KnownPins(Protocol):
    """How the holder is asked for the PIN that their card has (see `PinEntry`)."""

    def known_at_pad(self, card: str, what: str) -> None:
        """Says that it is typed at the reader."""
        ...

    def ask_known(self, card: str, what: str) -> str:
        """Has it typed at the station itself. Raises PinEntryError."""
        ...


class Proofs:
    """Those of one job: a PIN that the card took is asked for once for each slot, unless a pad keeps it."""

    def __init__(self, card: str | None, connection: CardConnection, pins: KnownPins) -> None:
        self._card = card
        self._connection = connection
        self._pins = pins
        self._taken: dict[Slot, str] = {}

    def sign(self, slot: Slot, content: bytes) -> bytes:
        """The slot's signature of a request about this card and the key that is in the slot.

        Raises RefusedCommandError for anything else, before any PIN; PinEntryError or a CardError.
        """
        if self._card is None:
            raise RefusedCommandError("a PIN for a card that was not named")
        info = RequestInfo.parse(content, self._card)
        session = PivSession(self._connection)
        # A card that doesn't tell signs, and its signature shows whose it is before it leaves the station.
        if session.key_in_slot(slot) not in (None, info.key):
            raise RefusedCommandError("a request for another key than the card's")
        self._verify(session, slot, self._card)
        return session.sign(slot, info.key, content, info.hash)

    def _verify(self, session: PivSession, slot: Slot, card: str) -> None:
        pad = PinPad.find(self._connection)
        if pad is not None:
            self._pins.known_at_pad(card, _PURPOSES[slot])
            session.verify_pin_at(pad)
            return
        pin = self._taken.pop(slot, None) or self._pins.ask_known(card, _PURPOSES[slot])
        session.verify_pin(pin)
        self._taken[slot] = pin
