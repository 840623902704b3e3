"""The station's own prompt for a citizen's new PIN."""

import threading

import click

from cardio.cli.common import NEW_PIN_VARIABLE, secret
from cardio.transport.pinpad import PinEntryError


class TerminalPinEntry:
    """Asks at the terminal, one holder at a time; HOVIAT_NEW_PIN answers instead where it is set."""

    def __init__(self) -> None:
        self._free = threading.Lock()

    def at_pad(self, card: str) -> None:
        """Says that the reader asks."""
        click.echo(f"Card {card}: the new PIN is typed at the reader.", err=True)

    def ask(self, card: str) -> str:
        """The PIN, typed twice without echo. Raises PinEntryError where nothing was typed."""
        with self._free:
            try:
                return secret(NEW_PIN_VARIABLE, f"Card {card}: the new PIN (6 to 8 digits)", confirm=True)
            except click.Abort:
                raise PinEntryError("it was cancelled") from None
