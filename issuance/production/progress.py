"""Tells waiting pages that some run has moved; what moved they read from the database."""

import threading


class Progress:
    """A counter that grows with every change of any run of this process."""

    def __init__(self) -> None:
        self._version = 0
        self._lock = threading.Lock()

    @property
    def version(self) -> int:
        """How many changes there were."""
        return self._version

    def changed(self) -> None:
        """Counts one change."""
        with self._lock:
            self._version += 1
