"""`HOME/verifier.toml` as it stands now: read again when it changes; a broken one keeps what was before."""

import logging
import threading
import time
from pathlib import Path
from typing import TypeAlias

from verifier.status.breaker import Monotonic
from verifier.status.sources import SETTINGS_FILE, Sources, StatusSettingsError, load_sources

LOOK_SECONDS = 1.0
"""How often the file is looked at, whoever asks."""
_LOG = logging.getLogger(__name__)
_Stamp: TypeAlias = tuple[tuple[int, ...], ...]


class SourcesFile:
    """Any thread may ask at any time. A mistake in the file concerns foreign cards, and stops no other."""

    def __init__(self, root: Path, clock: Monotonic = time.monotonic) -> None:
        self._root = root
        self._clock = clock
        self._lock = threading.Lock()
        self._looked: float | None = None
        self._stamp: _Stamp | None = None
        self._sources = Sources({})
        self._fault: str | None = None

    def current(self) -> Sources:
        """The last version that could be used; none before the first."""
        with self._lock:
            if self._looked is None or self._clock() - self._looked >= LOOK_SECONDS:
                self._looked = self._clock()
                self._look()
            return self._sources

    def fault(self) -> str | None:
        """What is wrong with the file as it stands now."""
        self.current()
        return self._fault

    def _look(self) -> None:
        """A file that changes while it is read is read once more: its stamp was taken before."""
        before = self._stamp_of(self._sources)
        if before == self._stamp and self._fault is None:
            return
        try:
            found = load_sources(self._root)
        except StatusSettingsError as error:
            self._tell(str(error))
            return
        self._stamp = before if self._named(found) == self._named(self._sources) else None
        self._sources, self._fault = found, None

    def _tell(self, fault: str) -> None:
        if fault != self._fault:
            _LOG.error("the settings can't be used, those from before go on: %s", fault)
        self._fault = fault

    def _stamp_of(self, sources: Sources) -> _Stamp:
        return tuple(_facts(self._root / name) for name in (SETTINGS_FILE, *self._named(sources)))

    @staticmethod
    def _named(sources: Sources) -> list[str]:
        return sorted({name for source in sources.all for name in source.settings.responder_certificates})


def _facts(path: Path) -> tuple[int, ...]:
    """Nothing for a file that isn't there: reading it says why."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
