"""An end for work that never ends: whoever supervises the process begins another."""

import signal
from collections.abc import Sequence
from typing import Any

from verifier.recording.recorder import WorkAll

PATIENCE_SECONDS = 30.0
"""Longer than a database is waited for, and than those who wait for the work do."""


def ending_when_hung(work_all: WorkAll, seconds: float = PATIENCE_SECONDS) -> WorkAll:
    """The same function; where it does not come back within so long, the kernel ends the whole process.

    By SIGALRM's default action, which needs no help of the interpreter: a hanging driver may hold its lock.
    For a process of its own whose other half, clients and parent, bears with its death.
    """

    def bounded(works: Sequence[Any]) -> Sequence[object]:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            return work_all(works)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    return bounded
