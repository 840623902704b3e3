"""Slows down guessing: after a few failures a key waits, and the wait doubles. Memory is bounded."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from issuance.errors import LoginThrottledError
from pki.clock import Clock

_FREE_FAILURES = 5
_FIRST_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(minutes=15)
_FORGET_AFTER = timedelta(hours=1)
MAX_KEYS = 10_000


@dataclass
class _Failures:
    count: int
    last: datetime
    until: datetime


class LoginThrottle:
    """Failures by key (user name and client address), forgotten after an hour; the oldest key goes first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, key: str) -> None:
        """Raises LoginThrottledError while `key` has to wait."""
        now = self._clock()
        with self._lock:
            entry = self._failures.get(key)
        if entry is not None and now < entry.until:
            raise LoginThrottledError(int((entry.until - now).total_seconds()) + 1)

    def failed(self, key: str) -> None:
        """Counts one failure."""
        now = self._clock()
        with self._lock:
            entry = self._failures.pop(key, None)
            if entry is None or now - entry.last > _FORGET_AFTER:
                entry = _Failures(0, now, now)
            self._failures[key] = _after_failure(entry, now)
            while len(self._failures) > MAX_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forgets the key's failures."""
        with self._lock:
            self._failures.pop(key, None)


def _after_failure(entry: _Failures, now: datetime) -> _Failures:
    count = entry.count + 1
    if count < _FREE_FAILURES:
        return _Failures(count, now, now)
    wait = min(_FIRST_WAIT * 2 ** min(count - _FREE_FAILURES, 16), _LONGEST_WAIT)
    return _Failures(count, now, now + wait)
