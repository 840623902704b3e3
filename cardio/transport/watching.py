"""Cards that come and go, over restarts of the PC/SC service and readers that are unplugged.

Whoever watches asks; no thread and no queue of its own stand between. What happened since the last question
is told as the difference of two moments. A slow watcher misses none of what still holds; nothing piles up.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cardio.transport import pcsc
from cardio.transport.base import ReaderUnavailableError
from cardio.transport.pcsc import ReaderState

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class ServiceFound:
    """The PC/SC service answers (again)."""


@dataclass(frozen=True)
class ServiceLost:
    """The PC/SC service doesn't answer any more."""


@dataclass(frozen=True)
class ReaderAttached:
    """A reader was plugged in, by its full name."""

    reader: str


@dataclass(frozen=True)
class ReaderDetached:
    """A reader was unplugged."""

    reader: str


@dataclass(frozen=True)
class CardInserted:
    """A card is in; which one it is, only its own number tells (never the answer to reset)."""

    reader: str
    atr: bytes


@dataclass(frozen=True)
class CardRemoved:
    """The card has gone."""

    reader: str


Event: TypeAlias = ServiceFound | ServiceLost | ReaderAttached | ReaderDetached | CardInserted | CardRemoved
States: TypeAlias = Mapping[str, ReaderState]


class CardWatch:
    """What has changed at the readers since the last question; the first question tells all that is there.

    One thread asks. `states` is `pcsc.reader_states`, or a test's own.
    """

    def __init__(self, states: Callable[[], States] = pcsc.reader_states) -> None:
        self._states = states
        self._known: States | None = None

    def changes(self) -> list[Event]:
        """What has changed, in the order in which it can have happened; empty where nothing has."""
        before = self._known
        try:
            after: States | None = self._states()
        except ReaderUnavailableError:
            after = None
        self._known = after
        return list(changes_between(before, after))

    def wait(self, timeout_s: float) -> list[Event]:
        """As `changes`, once there are some; an empty list after `timeout_s` seconds without."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = self.changes()
            if found or time.monotonic() >= deadline:
                return found
            time.sleep(min(_POLL_SECONDS, max(0.0, deadline - time.monotonic())))


def changes_between(before: States | None, after: States | None) -> Iterator[Event]:
    """The events that lead from one moment to another; None is a moment without a service."""
    if before is None and after is not None:
        yield ServiceFound()
    for reader in sorted((before or {}).keys() | (after or {}).keys()):
        yield from _changes_at(reader, (before or {}).get(reader), (after or {}).get(reader))
    if before is not None and after is None:
        yield ServiceLost()


def _changes_at(reader: str, before: ReaderState | None, after: ReaderState | None) -> Iterator[Event]:
    if before is None and after is not None:
        yield ReaderAttached(reader)
    # Another count with a card before and after: one was taken out and one put in between two looks.
    moved = before is not None and after is not None and before.movements != after.movements
    if before is not None and before.atr is not None and (after is None or after.atr is None or moved):
        yield CardRemoved(reader)
    if after is not None and after.atr is not None and (before is None or before.atr is None or moved):
        yield CardInserted(reader, after.atr)
    if before is not None and after is None:
        yield ReaderDetached(reader)


def described(event: Event) -> dict[str, str]:
    """Plain values for JSON: `event`, and `reader` and `atr` (hexadecimal) where it has them."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(event).__name__).lower()
    values = {name: value.hex() if isinstance(value, bytes) else value for name, value in vars(event).items()}
    return {"event": words, **values}
