"""What is looked at before logins are judged, by the thread that waits for the database anyway."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from pki.errors import KeyStoreError
from verifier.clockguard import ClockGuard

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
        for change in self.changes:
            try:
                change()
            except (SQLAlchemyError, KeyStoreError) as error:
                _LOG.warning("what has changed can't be read: %s", type(error).__name__)
