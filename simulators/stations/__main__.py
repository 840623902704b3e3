"""`python -m simulators.stations`: the real agent, with a simulated card in a reader of its own process.

The holder's new PIN comes from HOVIAT_NEW_PIN.
"""

import signal
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import click

from cardio.station.agent import Agent, Post
from cardio.station.identity import tls_context
from cardio.station.terminal import TerminalPinEntry
from cardio.transport import pcsc
from cardio.transport.pcsc.registry import registered_states
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.readers.inprocess import InProcessReader


@click.command()
@click.option("--server", required=True, help="The hub's address, wss://HOST:PORT.")
@click.option("--dir", "directory", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--reader", default="Simulated Reader", show_default=True, help="Name of the reader.")
@click.option("--card", type=click.Path(path_type=Path, exists=True), help="The card in it.")
def main(server: str, directory: Path, reader: str, card: Path | None) -> None:
    """Run a station with one simulated reader until terminated."""
    signal.signal(signal.SIGTERM, _end)
    with ExitStack() as stack:
        slot = stack.enter_context(InProcessReader(reader))
        if card is not None:
            slot.insert(SimulatedCard(stack.enter_context(CardFile.open(card))))
        post = Post(server, tls_context(directory), registered_states, pcsc.connect, TerminalPinEntry())
        try:
            Agent(post, lambda line: click.echo(line, err=True)).run()
        except KeyboardInterrupt:
            click.echo("ended", err=True)


def _end(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
