"""A scenario is what one client must do with one card; the bench gives it the card and counts APDUs."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.readers.pcscd import pcscd_service
from simulators.readers.vpcd import insert
from simulators.readers.wrapped import WrappedCard
from tests.integration.strangers.toycard import Kind, ToyCard

SLOT_WAIT_S = 300.0  # other test runs of this machine may have a card in


@dataclass(frozen=True)
class Package:
    """What a client needs besides its own package, and the Debian package that holds it."""

    name: str
    package: str


@dataclass(frozen=True)
class Client:
    """Its name, and the Debian (else PyPI) package that holds it."""

    name: str
    package: str
    from_pypi: bool = False
    helper: Package | None = None

    def version(self) -> str:
        """Upstream's, and that of its helper.

        :raises CalledProcessError: a package isn't installed
        """
        if self.from_pypi:
            return metadata.version(self.package)
        own = _debian_version(self.package)
        helper = self.helper
        return own if helper is None else f"{own}, {helper.name} {_debian_version(helper.package)}"


@dataclass(frozen=True)
class Desk:
    """A reader that holds a card, and a folder for a client's files."""

    reader: str
    card: ToyCard
    folder: Path

    def letter(self) -> Path:
        """A file to sign."""
        path = self.folder / "letter.txt"
        path.write_text("A letter to sign.\n")
        return path


def _debian_version(package: str) -> str:
    """Upstream's, without Debian's epoch and revision."""
    query = ["dpkg-query", "-W", "-f", "${Version}", package]
    debian = subprocess.run(query, capture_output=True, text=True, check=True).stdout
    return debian.rpartition(":")[2].partition("-")[0]


Run = Callable[[Desk], None]


@dataclass(frozen=True)
class Scenario:
    """`what` completes "the client …" and stands on the page; `run` raises unless it worked."""

    client: Client
    card: Kind
    what: str
    run: Run

    @property
    def name(self) -> str:
        return f"{self.client.name}-{self.card.name}-{self.run.__name__}"


SCENARIOS: list[Scenario] = []


def scenario(client: Client, what: str, *cards: Kind) -> Callable[[Run], Run]:
    """Registers a function as what `client` does with each of these cards."""

    def register(run: Run) -> Run:
        SCENARIOS.extend(Scenario(client, card, what, run) for card in cards)
        return run

    return register


class CountingCard(WrappedCard):
    """Counts the commands that reach a card."""

    def __init__(self, card: SimulatedCard) -> None:
        super().__init__(card)
        self.commands = 0

    def transmit(self, command: bytes) -> bytes:
        self.commands += 1
        return super().transmit(command)


@contextmanager
def _inserted(card: ToyCard) -> Iterator[tuple[CountingCard, str]]:
    with CardFile.open(card.path) as file, pcscd_service():
        counting = CountingCard(SimulatedCard(file))
        with insert(counting, slot_wait_s=SLOT_WAIT_S) as slot:
            yield counting, slot.name


def apdus(wanted: Scenario, card: ToyCard, folder: Path) -> int:
    """Runs a scenario on a card in the real virtual reader; how many commands the client sent."""
    with _inserted(card) as (counting, reader):
        wanted.run(Desk(reader, card, folder))
        return counting.commands
