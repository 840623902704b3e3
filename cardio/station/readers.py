"""The station's readers, as the hub is told of them."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from cardio.cli.common import shown
from cardio.station.wire import MAX_READER_NAME, MAX_READERS, Reader
from cardio.transport.pcsc import ReaderState

States: TypeAlias = Callable[[], Mapping[str, ReaderState]]
"""`pcsc.reader_states`, or a test's own. Raises ReaderUnavailableError."""


def described(states: Mapping[str, ReaderState]) -> tuple[Reader, ...]:
    """The readers in the order of their names: as many, and of such names, as messages hold."""
    named = sorted(name for name in states if 0 < len(name) <= MAX_READER_NAME and shown(name) == name)
    return tuple(
        Reader(name=name, atr=states[name].atr, movements=states[name].movements)
        for name in named[:MAX_READERS]
    )
