"""A circuit breaker for threads: after some failures in a row nobody asks for a while, then one tries."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from issuance.errors import CivilRegisterUnavailableError


class Breaker:
    """Opens at so many `failures` in a row, for `pause` seconds of the monotonic `clock`."""

    def __init__(self, failures: int, pause: float, clock: Callable[[], float]) -> None:
        self._limit = failures
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around one question: CivilRegisterUnavailableError inside of it is a failure, all else is none.

        Raises CivilRegisterUnavailableError at once where nobody may ask now.
        """
        self._admit()
        try:
            yield
        except CivilRegisterUnavailableError:
            self._failed()
            raise
        except BaseException:
            self._abandoned()
            raise
        self._succeeded()

    def _admit(self) -> None:
        with self._lock:
            if self._opened_at is None:
                return
            if self._probing or self._clock() - self._opened_at < self._pause:
                raise CivilRegisterUnavailableError("the civil register is down; it is asked again soon")
            self._probing = True

    def _succeeded(self) -> None:
        with self._lock:
            self._failures, self._opened_at, self._probing = 0, None, False

    def _failed(self) -> None:
        with self._lock:
            self._failures += 1
            if self._probing or self._failures >= self._limit:
                self._opened_at = self._clock()
            self._probing = False

    def _abandoned(self) -> None:
        with self._lock:
            self._probing = False
