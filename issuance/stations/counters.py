"""People at stations' counters: each holds a thread of the registry for as long as somebody types a PIN.

Nobody waits without a word, and no office, whatever its stations say, takes the places of the others.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import ParamSpec, TypeVar

from issuance.operators.service import Actor
from issuance.stations.errors import CountersBusyError

MOST = 256
"""People at all offices' counters at one time, in one process."""
MOST_OF_AN_OFFICE = 32

P = ParamSpec("P")
T = TypeVar("T")


class Counters:
    """The places of one process."""

    def __init__(self, most: int = MOST, most_of_an_office: int = MOST_OF_AN_OFFICE) -> None:
        self._most, self._most_of_an_office = most, most_of_an_office
        self._pool = ThreadPoolExecutor(most, "counter")
        self._lock = Lock()
        self._taken: Counter[str] = Counter()

    def begin(self, actor: Actor, work: Callable[P, T], *said: P.args, **named: P.kwargs) -> "Future[T]":
        """Does the work on a thread of its own, at once. Raises CountersBusyError."""
        office = actor.office
        with self._lock:
            if self._taken[office] >= self._most_of_an_office or self._taken.total() >= self._most:
                raise CountersBusyError
            self._taken[office] += 1
        try:
            begun = self._pool.submit(work, *said, **named)
        except BaseException:
            self._leave(office)
            raise
        begun.add_done_callback(lambda _: self._leave(office))
        return begun

    def close(self) -> None:
        """Waits for those at work; none of the others begins."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _leave(self, office: str) -> None:
        with self._lock:
            self._taken[office] -= 1
            if not self._taken[office]:
                del self._taken[office]
