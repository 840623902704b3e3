"""Where a program's simulated card goes: pcscd with vpcd where it can be had, else in process."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path

from cardio.transport import pcsc
from cardio.transport.base import CardConnection, TransportError
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.readers.errors import PcscdUnavailableError, ReaderSimulationError, SlotBusyError
from simulators.readers.inprocess import InProcessReader
from simulators.readers.pcscd import pcscd_service
from simulators.readers.vpcd import SLOTS, VirtualReader, insert

IN_PROCESS_NAME = "Hoviat In-Process Reader"
_SLOT_WAIT_SECONDS = 1.0


@unique
class ReaderKind(StrEnum):
    """Which stack the card is reached through."""

    PCSCD = "pcscd"
    IN_PROCESS = "in-process"


@dataclass(frozen=True)
class OccupiedReader:
    """A reader with a simulated card in it."""

    kind: ReaderKind
    name: str

    def connect(self) -> CardConnection:
        """Powers the card in the reader."""
        return pcsc.connect(self.name)


class ReaderChoice:
    """One reader of this machine, into which cards are put one after the other.

    `kind` None takes pcscd where it can be had. `why` says what was taken and what stood against the other.
    """

    def __init__(self, stack: ExitStack, kind: ReaderKind | None) -> None:
        self.kind, self.why = ReaderKind.PCSCD, "the real pcscd with vpcd"
        if kind is ReaderKind.IN_PROCESS:
            self.kind, self.why = kind, "asked for"
            return
        try:
            stack.enter_context(pcscd_service())
            _require_virtual_slot()
        except (PcscdUnavailableError, TransportError) as error:
            if kind is ReaderKind.PCSCD:
                raise
            self.kind, self.why = ReaderKind.IN_PROCESS, f"pcscd can't be used: {error}"

    @contextmanager
    def holding(self, path: Path) -> Iterator[OccupiedReader]:
        """Puts the card of file `path` in, and takes it out at the end."""
        with CardFile.open(path) as file:
            card = SimulatedCard(file)
            if self.kind is ReaderKind.IN_PROCESS:
                with InProcessReader(IN_PROCESS_NAME) as reader:
                    reader.insert(card)
                    yield OccupiedReader(self.kind, reader.name)
            else:
                with _insert_in_free_slot(card) as slot:
                    yield OccupiedReader(self.kind, slot.name)


def _require_virtual_slot() -> None:
    if not any(name in SLOTS.values() for name in pcsc.list_readers()):
        raise PcscdUnavailableError(
            "it runs without the virtual reader; install vsmartcard-vpcd and restart it"
        )


def _insert_in_free_slot(card: SimulatedCard) -> VirtualReader:
    *others, last = SLOTS
    for port in others:
        try:
            return insert(card, port, slot_wait_s=_SLOT_WAIT_SECONDS)
        except SlotBusyError:
            continue
    return insert(card, last)


@contextmanager
def chosen_reader(kind: ReaderKind | None) -> Iterator[ReaderChoice]:
    """A choice that ends the pcscd it started, and no other."""
    with ExitStack() as stack:
        yield ReaderChoice(stack, kind)


__all__ = ["OccupiedReader", "ReaderChoice", "ReaderKind", "ReaderSimulationError", "chosen_reader"]
