"""Waiting for what must come; the limit only ends a test that would never end."""

import threading
from collections.abc import Callable

WAIT_SECONDS = 180.0
_POLL_SECONDS = 0.02


def wait_for(condition: Callable[[], object], what: str = "it never came to that") -> None:
    """Until it holds."""
    pause = threading.Event()
    for _ in range(int(WAIT_SECONDS / _POLL_SECONDS)):
        if condition():
            return
        pause.wait(_POLL_SECONDS)
    raise AssertionError(what)
