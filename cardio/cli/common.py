"""What the commands share: the reader, the session, the PIN, how errors and results are told."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cardio.piv.session import PivSession
    from cardio.transport.base import CardConnection

PIN_VARIABLE = "HOVIAT_PIN"
NEW_PIN_VARIABLE = "HOVIAT_NEW_PIN"
PUK_VARIABLE = "HOVIAT_PUK"

_JOINERS = "\u200c\u200d"  # Persian text needs them, and Python calls them unprintable

reader_option = click.option(
    "--reader", metavar="NAME", help="The reader's full name; may be left out if there is only one."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")


def shown(text: str) -> str:
    """The text without control characters: a card, a reader or a site could steer the terminal with them."""
    return "".join(sign if _is_harmless(sign) else "\ufffd" for sign in text)


def _is_harmless(sign: str) -> bool:
    return sign.isprintable() or sign in _JOINERS


@contextmanager
def expected_errors() -> Iterator[None]:
    """Turns this package's errors into a line on stderr and exit status 1."""
    from cardio.errors import CardError

    try:
        yield
    except CardError as error:
        raise click.ClickException(shown(str(error))) from None
    except OSError as error:
        told = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise click.ClickException(shown(told)) from None


@contextmanager
def card_session(reader: str | None) -> Iterator["PivSession"]:
    """A PIV session in a transaction of its own."""
    from cardio.piv.session import PivSession
    from cardio.transport import pcsc
    from cardio.transport.base import CardConnection
    from cardio.transport.tracing import TracingConnection

    with expected_errors(), pcsc.connect(reader_name(reader)) as connection, connection.exclusive():
        traced: CardConnection = connection
        if click.get_current_context().find_object(bool):
            traced = TracingConnection(connection, lambda line: click.echo(line, err=True))
        yield PivSession(traced)


def reader_name(given: str | None) -> str:
    """The name given, or the only reader there is, or the only one that holds a card."""
    from cardio.transport import pcsc

    if given is not None:
        return given
    names = pcsc.list_readers()
    if len(names) == 1:
        return names[0]
    if not names:
        raise click.ClickException("no reader is connected")
    states = pcsc.reader_states()
    holding = [name for name in names if name in states and states[name].atr is not None]
    if len(holding) == 1:
        return holding[0]
    raise click.ClickException("several readers; name one with --reader: " + shown(", ".join(names)))


def secret(variable: str, prompt: str, *, confirm: bool = False) -> str:
    """A PIN from the environment, or asked for without echo on stderr."""
    value = os.environ.get(variable)
    if value is not None:
        return value
    answer: str = click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True)
    return answer


def given_pin(reader: str | None) -> str | None:
    """The PIN, from the environment or asked for; None: it is typed at the reader, which has a pad.

    Asked before the transaction: other programs must not wait for someone to type.
    """
    return None if typed_at_pad(reader) else secret(PIN_VARIABLE, "PIN")


def typed_at_pad(reader: str | None, variable: str = PIN_VARIABLE, name: str = "PIN") -> bool:
    """Whether the PIN (or what `name` says) is typed at this reader; says so. Never if `variable` is set."""
    from cardio.transport import pcsc

    with expected_errors(), pcsc.connect(reader_name(reader)) as connection:
        return announces_pad(connection, variable, name)


def announces_pad(connection: "CardConnection", variable: str = PIN_VARIABLE, name: str = "PIN") -> bool:
    """As `typed_at_pad`, over a connection that there is already."""
    from cardio.transport.pinpad import PinPad

    found = variable not in os.environ and PinPad.find(connection) is not None
    if found:
        click.echo(f"The {name} is typed at the reader.", err=True)
    return found


def print_json(value: object) -> None:
    """The result on stdout; what could steer the terminal is escaped, and the JSON means the same."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    click.echo("".join(map(_escaped, text)))


def _escaped(sign: str) -> str:
    return sign if sign == "\n" or _is_harmless(sign) else json.dumps(sign)[1:-1]
