"""A desk with readers on it and a folder of cards beside it."""

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from simulators.card.file import CardFile
from simulators.control.conditions import Conditions, ConditionsError, assemble
from simulators.control.padkeys import PadKeys
from simulators.faults.script import Effect
from simulators.readers.padreader import PadReaderCard
from simulators.readers.pinpad import PinPad
from simulators.readers.slots import Slot


class UnknownReaderError(Exception):
    """No reader of that name is on the desk."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no reader named {name}")
        self.name = name


class UnknownCardError(Exception):
    """No card file of that name is in the folder."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no card named {name}")
        self.name = name


@dataclass(frozen=True)
class Occupancy:
    """A reader, and the name of the card file in it, if any."""

    reader: str
    card: str | None
    pad: bool = False
    """Whether the reader has a PIN pad."""


class Desk:
    """Readers by name. One movement at a time; cards are named by files in `folder`, never by a path."""

    def __init__(self, slots: list[Slot], folder: Path) -> None:
        self._slots = {slot.name: slot for slot in slots}
        self._folder = folder
        self._cards: dict[str, str] = {}
        self._files: dict[str, ExitStack] = {}
        self._pads: dict[str, PinPad] = {}
        self._lock = threading.Lock()

    def occupancies(self) -> list[Occupancy]:
        """All readers, in the order in which they were put on the desk."""
        with self._lock:
            return [Occupancy(name, self._cards.get(name), name in self._pads) for name in self._slots]

    def set_pad(self, reader: str, keys: PadKeys | None) -> None:
        """Gives a reader a PIN pad at which `keys` are pressed from now on, or takes it away (None).

        :raises UnknownReaderError: no such reader
        """
        with self._lock:
            self._slot(reader)
            if keys is None:
                self._pads.pop(reader, None)
            else:
                self._pads[reader] = PinPad(keys)

    def insert(self, reader: str, card: str, conditions: Conditions, other: str | None = None) -> None:
        """Puts a card in; the one that was in is removed first. `other` is the card that a SWAP brings.

        :raises UnknownReaderError, UnknownCardError: no such reader or card; nothing was moved
        :raises ConditionsError: the conditions swap cards and there is no other; nothing was moved
        :raises CardFileError: the file is no card, or another reader's; the reader is empty
        :raises ReaderSimulationError: the reader did not take it; the reader is empty
        """
        with self._lock:
            slot = self._slot(reader)
            path, other_path = self._path(card), None if other is None else self._path(other)
            if other is None and any(fault.effect is Effect.SWAP for fault in conditions.faults.faults):
                raise ConditionsError("other", "names the card that a swap brings")
            self._remove(slot)
            with ExitStack() as stack:
                file = stack.enter_context(CardFile.open(path))
                swapped = None if other_path is None else stack.enter_context(CardFile.open(other_path))
                card_in_reader = assemble(file, conditions, swapped)
                # Without the lock: commands come while cards are moved, and one look-up is whole by itself.
                slot.insert(PadReaderCard(card_in_reader, lambda: self._pads.get(reader)))
                self._files[reader] = stack.pop_all()
            self._cards[reader] = card

    def remove(self, reader: str) -> None:
        """Pulls the card; an empty reader stays empty.

        :raises UnknownReaderError: no such reader
        """
        with self._lock:
            self._remove(self._slot(reader))

    def clear(self) -> None:
        """Pulls every card."""
        with self._lock:
            for slot in self._slots.values():
                self._remove(slot)

    def _remove(self, slot: Slot) -> None:
        slot.remove()
        self._cards.pop(slot.name, None)
        files = self._files.pop(slot.name, None)
        if files is not None:
            files.close()

    def _slot(self, name: str) -> Slot:
        try:
            return self._slots[name]
        except KeyError:
            raise UnknownReaderError(name) from None

    def _path(self, name: str) -> Path:
        path = self._folder / name
        if path.name != name or not _is_file(path):
            raise UnknownCardError(name)
        return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # longer than a name can be, or not to be encoded
        return False
