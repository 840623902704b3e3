"""Wrong tries by address: so many within a while, then none. Memory is bounded."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from issuance.tracking.errors import StatusThrottledError
from pki.clock import Clock

ALLOWED = 30
WINDOW = timedelta(minutes=10)
MAX_ADDRESSES = 10_000


@dataclass
class _Count:
    since: datetime
    wrong: int = 0


class WrongTries:
    """Counts for the addresses that were here last, in this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, address: str) -> None:
        """One try, which counts as wrong until `give_back`. Raises StatusThrottledError."""
        now = self._clock()
        with self._lock:
            count = self._counts.get(address)
            if count is None or now - count.since >= WINDOW:
                count = self._counts[address] = _Count(now)
                self._counts.move_to_end(address)
                if len(self._counts) > MAX_ADDRESSES:
                    self._counts.popitem(last=False)
            if count.wrong >= ALLOWED:
                raise StatusThrottledError(int((count.since + WINDOW - now).total_seconds()) + 1)
            count.wrong += 1

    def give_back(self, address: str) -> None:
        """It was right."""
        with self._lock:
            count = self._counts.get(address)
            if count is not None and count.wrong:
                count.wrong -= 1
