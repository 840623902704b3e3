"""The places at which one server makes cards, and who has them now."""

import threading
from collections.abc import Collection

from issuance.batchruns.errors import NoPlaceError
from issuance.production.service import STATIONS

OF_AN_OFFICE = STATIONS * 3 // 4
"""No office takes all places."""


class Places:
    """A reader has one while it makes cards or waits for a blank; a stopped or paused one has none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offices: dict[str, str] = {}  # by reader

    def take_all(self, office: str, readers: Collection[str]) -> None:
        """A place for each of them, or for none. Raises NoPlaceError."""
        with self._lock:
            new = set(readers) - set(self._offices)
            free = self._free(office)
            if len(new) > free:
                raise NoPlaceError(free)
            self._offices.update(dict.fromkeys(new, office))

    def take(self, office: str, reader: str) -> bool:
        """Whether it has a place now, the one from before or a new one."""
        try:
            self.take_all(office, [reader])
        except NoPlaceError:
            return False
        return True

    def leave(self, reader: str) -> None:
        """Its place is free; none had is no error."""
        with self._lock:
            self._offices.pop(reader, None)

    def _free(self, office: str) -> int:
        own = sum(each == office for each in self._offices.values())
        return min(STATIONS - len(self._offices), OF_AN_OFFICE - own)
