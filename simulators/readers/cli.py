"""`hoviat sim insert`: a simulated card in the real virtual reader."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import click

MAX_PORT = 0xFFFF
_LOOK_SECONDS = 0.5


class SlotAddress(click.ParamType[tuple[str, int]]):
    """HOST:PORT of a virtual reader's slot, as (host, port)."""

    name = "HOST:PORT"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Splits at the last colon."""
        host, _, port = str(value).rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) <= MAX_PORT:
            self.fail(f"{value!s} is not HOST:PORT", param, ctx)
        return host, int(port)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--vpcd",
    type=SlotAddress(),
    default="127.0.0.1:35963",
    show_default=True,
    help="The slot of pcscd's virtual reader; 35964 is the second one.",
)
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="Seconds to wait for another process to free the slot.",
)
@click.option(
    "--contactless", is_flag=True, help="The reader has no contacts (SP 800-73-5's rules for that)."
)
def insert(file: Path, vpcd: tuple[str, int], wait_s: float, contactless: bool) -> None:
    """Put the simulated card in FILE into the virtual reader until interrupted.

    Prints `inserted` once the reader sees it. What the card experiences is kept in FILE. Starts pcscd if none
    runs, and ends that one afterwards.
    """
    from cardio.transport.base import TransportError
    from simulators.card.errors import CardSimulationError
    from simulators.readers.errors import ReaderSimulationError

    try:
        _run(file, *vpcd, wait_s, contactless=contactless)
    except (CardSimulationError, ReaderSimulationError, TransportError) as error:
        raise click.ClickException(str(error)) from None


def _run(file: Path, host: str, port: int, wait_s: float, *, contactless: bool) -> None:
    from simulators.card.card import SimulatedCard
    from simulators.card.file import CardFile
    from simulators.card.piv.access import Interface
    from simulators.readers.pcscd import pcscd_service
    from simulators.readers.vpcd import insert as insert_card

    with ExitStack() as stack:
        interrupted = stack.enter_context(interruption())
        card_file = stack.enter_context(CardFile.open(file))
        stack.enter_context(pcscd_service())
        card = SimulatedCard(card_file, interface=Interface.CONTACTLESS if contactless else Interface.CONTACT)
        reader = stack.enter_context(insert_card(card, port, host, slot_wait_s=wait_s))
        click.echo("inserted")
        click.echo(f"{file} is in {reader.name}; Ctrl+C takes it out", err=True)
        while not interrupted.wait(_LOOK_SECONDS):
            if reader.wait_ended(0):
                raise click.ClickException(f"{reader.name} let go of the card; did pcscd end?")


@contextmanager
def interruption() -> Iterator[threading.Event]:
    """An event that SIGINT or SIGTERM sets, instead of ending the process in the middle of a write."""
    event = threading.Event()

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        event.set()

    former = {kind: signal.signal(kind, interrupt) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for kind, handler in former.items():
            signal.signal(kind, handler)
