"""`hoviat card change-pin` and `unblock`."""

from typing import TYPE_CHECKING

import click

from cardio.cli.common import (
    NEW_PIN_VARIABLE,
    PIN_VARIABLE,
    PUK_VARIABLE,
    card_session,
    reader_option,
    secret,
    typed_at_pad,
)

if TYPE_CHECKING:
    from cardio.piv.session import PivSession
    from cardio.transport.pinpad import PinPad

_CHANGED, _UNBLOCKED = "The PIN was changed.", "The card has a new PIN."
_NEW_PIN_PROMPT = "New PIN (6 to 8 digits)"


@click.command("change-pin")
@reader_option
def change_pin(reader: str | None) -> None:
    """Replace the PIN; also the way to replace a transport PIN with one's own.

    At a reader with a PIN pad both are typed there. Else asks for both, or takes them from HOVIAT_PIN and
    HOVIAT_NEW_PIN.
    """
    if typed_at_pad(reader):
        with card_session(reader) as session:
            session.change_pin_at(_pad(session))
        click.echo(_CHANGED, err=True)
        return
    old = secret(PIN_VARIABLE, "PIN until now")
    new = secret(NEW_PIN_VARIABLE, _NEW_PIN_PROMPT, confirm=True)
    with card_session(reader) as session:
        session.change_pin(old, new)
    click.echo(_CHANGED, err=True)


def _pad(session: "PivSession") -> "PinPad":
    pad = session.pin_pad()
    if pad is None:
        raise click.ClickException("the reader has no PIN pad any more")
    return pad


@click.command()
@reader_option
def unblock(reader: str | None) -> None:
    """Set a new PIN with the PUK, after too many wrong PINs.

    At a reader with a PIN pad both are typed there: first the PUK, where the reader asks for the old PIN.
    Else asks for both, or takes them from HOVIAT_PUK and HOVIAT_NEW_PIN.
    """
    if typed_at_pad(reader, PUK_VARIABLE, "PUK"):
        click.echo("It goes where the reader asks for the PIN until now; then a new PIN, twice.", err=True)
        with card_session(reader) as session:
            session.unblock_pin_at(_pad(session))
        click.echo(_UNBLOCKED, err=True)
        return
    puk = secret(PUK_VARIABLE, "PUK")
    new = secret(NEW_PIN_VARIABLE, _NEW_PIN_PROMPT, confirm=True)
    with card_session(reader) as session:
        session.unblock_pin(puk, new)
    click.echo(_UNBLOCKED, err=True)
