"""`hoviat station`: the reader station."""

import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, ParamSpec

import click

from cardio.cli.common import NEW_PIN_VARIABLE, expected_errors, reader_name, reader_option, secret, shown
from cardio.station.backoff import LONGEST_S

if TYPE_CHECKING:
    from cardio.station.delivery import RegistryClient

P = ParamSpec("P")
PASSWORD_VARIABLE = "HOVIAT_OPERATOR_PASSWORD"  # noqa: S105 - the variable's name
OPERATOR_CODE_VARIABLE = "HOVIAT_OPERATOR_CODE"
CODE_VARIABLE = "HOVIAT_STATION_CODE"

_DIRECTORY = Path("hoviat-station")
longest_wait_option = click.option(
    "--longest-wait",
    type=click.FloatRange(0.1, 3600),
    default=LONGEST_S,
    show_default=True,
    metavar="SECONDS",
    help="Between two tries to reach the hub: they begin close together, and are so far apart at most.",
)
directory_option = click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=_DIRECTORY,
    show_default=True,
    envvar="HOVIAT_STATION_DIR",
    show_envvar=True,
    help="The station's folder: its key, its certificate, whom it trusts.",
)


@click.group(invoke_without_command=True)
@click.option(
    "--server", metavar="URL", help="The hub's address, wss://HOST:PORT: runs the agent, as `run` does."
)
@directory_option
@longest_wait_option
@click.pass_context
def station(context: click.Context, server: str | None, directory: Path, longest_wait: float) -> None:
    """The reader station: what is done where the citizen, the clerk and the card meet.

    `hoviat station --server URL` is the agent: the registry works on the cards in this machine's readers,
    and PINs are typed here. `enrol` comes first.
    """
    if context.invoked_subcommand is not None:
        return
    if server is None:
        raise click.UsageError("--server URL runs the agent; or name a command", context)
    context.invoke(run, server=server, directory=directory, longest_wait=longest_wait)


@station.command()
@click.option("--server", required=True, metavar="URL", help="The registry's address, https://…")
@click.option("--code", help="The one-time code; else it is asked for, or taken from HOVIAT_STATION_CODE.")
@click.option("--cafile", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="PEM to trust.")
@directory_option
def enrol(server: str, code: str | None, cafile: Path | None, directory: Path) -> None:
    """Take this machine in as a station: its key is made here, its certificate comes for the code."""
    from cardio.station import enrolling

    with expected_errors():
        given = code or secret(CODE_VARIABLE, "One-time code of this station")
        name = enrolling.enrol(server, given, directory, cafile)
    click.echo(f"This is station {shown(name)} now. Next: hoviat station --server wss://HOST:PORT")


@station.command()
@click.option("--server", required=True, metavar="URL", help="The hub's address, wss://HOST:PORT.")
@directory_option
@longest_wait_option
def run(server: str, directory: Path, longest_wait: float) -> None:
    """Serve the registry with this machine's readers until interrupted.

    A lost connection is made again. A citizen's new PIN is typed at the reader's pad, or here.
    """
    from cardio.station.agent import Agent, Post
    from cardio.station.identity import tls_context
    from cardio.station.terminal import TerminalPinEntry
    from cardio.transport import pcsc

    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGTERM, _end)
    with expected_errors():
        tls, pins = tls_context(directory), TerminalPinEntry()
        post = Post(server, tls, pcsc.reader_states, pcsc.connect, pins, longest_wait_s=longest_wait)
        try:
            Agent(post, lambda line: click.echo(shown(line), err=True)).run()
        except KeyboardInterrupt:
            click.echo("ended", err=True)


def _end(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _at_the_desk(command: Callable[P, None]) -> Callable[P, None]:
    """What an operator says who works with one card and its holder."""
    for option in reversed(
        (
            click.argument("card_number"),
            click.option(
                "--server", default="http://127.0.0.1:8080", show_default=True, help="The registry's address."
            ),
            click.option(
                "--cafile", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="PEM to trust."
            ),
            click.option("--operator", required=True, help="Your user name; the password is asked for."),
            click.option(
                "--code",
                "with_code",
                is_flag=True,
                help="Your account has an authenticator app: ask for its code.",
            ),
            click.option(
                "--known-by",
                "document",
                metavar="DOCUMENT",
                help="Puts on record that you have compared person, portrait and this document: "
                "birth_certificate, old_card, passport… Not needed after a check on the card's page.",
            ),
        )
    ):
        command = option(command)
    return command


def _signed_in(server: str, operator: str, cafile: Path | None, *, with_code: bool) -> "RegistryClient":
    from cardio.station.delivery import RegistryClient

    password = secret(PASSWORD_VARIABLE, f"Password of {operator}")
    code = secret(OPERATOR_CODE_VARIABLE, "Code of your authenticator app") if with_code else None
    return RegistryClient(server, operator, password, code, cafile)


@station.command()
@_at_the_desk
@reader_option
def deliver(
    *,
    card_number: str,
    server: str,
    cafile: Path | None,
    operator: str,
    with_code: bool,
    document: str | None,
    reader: str | None,
) -> None:
    """Hand a produced card over: the citizen sets a PIN, the card signs, its certificates go live.

    Who the person is is checked first, by the same operator: --known-by, or the card's page.
    Secrets are asked for, or taken from HOVIAT_OPERATOR_PASSWORD, HOVIAT_OPERATOR_CODE and HOVIAT_NEW_PIN.
    """
    from cardio.station.delivery import answer
    from cardio.transport import pcsc

    with expected_errors():
        name = reader_name(reader)
        registry = _signed_in(server, operator, cafile, with_code=with_code)
        try:
            if document is not None:
                registry.check(card_number, document)
            delivery = registry.open(card_number)
            pin = secret(NEW_PIN_VARIABLE, "The citizen's new PIN (6 to 8 digits)", confirm=True)
            with pcsc.connect(name) as connection, connection.exclusive():
                said = answer(connection, delivery, pin)
            registry.complete(delivery, said)
        finally:
            registry.close()
    click.echo(f"Card {card_number} is live.")


@station.command()
@_at_the_desk
@click.option("--reader", required=True, metavar="STATION/READER", help="Where the card lies.")
@click.option("--key", required=True, type=click.Choice(("authentication", "signature")), help="Which key.")
def renew(
    *,
    card_number: str,
    server: str,
    cafile: Path | None,
    operator: str,
    with_code: bool,
    document: str | None,
    reader: str,
    key: str,
) -> None:
    """Make a key of a card in use anew, with a new certificate; the old certificate is revoked.

    The agent of that station (`hoviat station --server URL`) runs already, and asks the holder for their PIN
    where it runs, or at the reader's pad. Who the holder is is checked first, by the same operator:
    --known-by, or the card's page. What was torn is finished by the same again.
    """
    with expected_errors():
        registry = _signed_in(server, operator, cafile, with_code=with_code)
        try:
            if document is not None:
                registry.meet(card_number, document)
            registry.renew(card_number, reader, key)
        finally:
            registry.close()
    click.echo(f"Card {card_number} has a new key: {key}.")
