"""`hoviat card`: what a citizen or a tester does with a card in a PC/SC reader."""

import click

from cardio.cli.cardinfo import info
from cardio.cli.logins import login
from cardio.cli.objects import read
from cardio.cli.pins import change_pin, unblock
from cardio.cli.signatures import sign
from cardio.cli.watching import watch


@click.group()
@click.option("--trace", is_flag=True, help="Write every APDU to stderr, without PINs, keys and contents.")
@click.pass_context
def card(context: click.Context, trace: bool) -> None:
    """A card in a PC/SC reader: info, read, login, sign, PINs.

    The PIN is asked for, or taken from the environment variable HOVIAT_PIN; it is never an argument.
    """
    context.obj = trace


@card.group()
@click.pass_context
def trace(context: click.Context) -> None:
    """Run another of these commands with every APDU on stderr, without PINs, keys and contents.

    `hoviat card trace info --reader NAME` is `hoviat card --trace info --reader NAME`.
    """
    context.obj = True


for _command in (info, read, login, sign, change_pin, unblock, watch):
    card.add_command(_command)
    trace.add_command(_command)
