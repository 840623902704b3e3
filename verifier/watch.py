"""What is looked at before logins are judged, by the thread that waits for the database anyway."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from pki.errors import KeyStoreError
from verifier.clockguard import ClockGuard

_SECONDS = 1.0
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Watch:
    """Each part keeps to once a second by itself, so nobody outside can make it work more."""

    guard: ClockGuard
    changes: Sequence[Callable[[], None]] = ()
    """Take over what others have changed. What they can't read now stays as it was."""

    def look(self) -> None:
        """Raises ClockSetBackError; SQLAlchemyError where the verifier's own record can't be read."""
        self.guard.check()
        self.take_over()

    def take_over(self) -> None:
        """Only what others have changed."""
        for change in self.changes:
            try:
                change()
            except (SQLAlchemyError, KeyStoreError) as error:
                _LOG.warning("what has changed can't be read: %s", type(error).__name__)


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Takes over what others change, in a thread: for a process that itself waits for no database."""
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(_SECONDS):
            try:
                watch.take_over()
            except Exception as error:  # noqa: BLE001 - what is known stays in force, and is looked at again
                _LOG.error("looking for changes failed: %s", type(error).__name__, exc_info=error)

    thread = threading.Thread(target=look, name="verifier-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
