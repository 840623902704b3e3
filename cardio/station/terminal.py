"""The station's own prompt for a citizen's PIN."""

import threading

import click

from cardio.cli.common import NEW_PIN_VARIABLE, PIN_VARIABLE, secret
from cardio.transport.pinpad import PinEntryError


class TerminalPinEntry:
    """Asks at the terminal, one holder at a time.

    HOVIAT_NEW_PIN answers instead where a PIN is set, HOVIAT_PIN where the card has it already.
    """

    def __init__(self) -> None:
        self._free = threading.Lock()

    def at_pad(self, card: str) -> None:
        """Says that the reader asks."""
        click.echo(f"Card {card}: the new PIN is typed at the reader.", err=True)

    def ask(self, card: str) -> str:
        """The PIN, typed twice without echo. Raises PinEntryError where nothing was typed."""
        return self._secret(NEW_PIN_VARIABLE, f"Card {card}: the new PIN (6 to 8 digits)", confirm=True)

    def known_at_pad(self, card: str, what: str) -> None:
        """Says that the reader asks, and what the card signs."""
        click.echo(f"Card {card}: the holder's PIN is typed at the reader; the card signs {what}.", err=True)

    def ask_known(self, card: str, what: str) -> str:
        """The holder's PIN, typed once without echo. Raises PinEntryError where nothing was typed."""
        return self._secret(PIN_VARIABLE, f"Card {card} signs {what}: the holder's PIN", confirm=False)

    def _secret(self, variable: str, prompt: str, *, confirm: bool) -> str:
        with self._free:
            try:
                return secret(variable, prompt, confirm=confirm)
            except click.Abort:
                raise PinEntryError("it was cancelled") from None
