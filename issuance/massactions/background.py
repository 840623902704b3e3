"""Mass actions carried out by the server itself: one thread, since one action at a time is at work."""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from issuance.massactions.running import MassRuns
from issuance.massactions.views import MassProgress
from issuance.operators.service import Actor
from issuance.production.progress import Progress

_LOG = logging.getLogger(__name__)


class BackgroundRuns:
    """Starts runs, and ends them after the part at hand when the server ends: running again goes on."""

    def __init__(self, runs: MassRuns, progress: Progress) -> None:
        self._runs = runs
        self._progress = progress
        self._pool = ThreadPoolExecutor(1, "mass-action")
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._at_work: set[str] = set()

    def start(self, actor: Actor, action_id: str) -> MassProgress:
        """Begins, or goes on with, an action in the background. Raises what `MassRuns.enter` raises."""
        entered = self._runs.enter(actor, action_id)
        with self._lock:
            if action_id in self._at_work:
                return entered
            self._at_work.add(action_id)
        self._pool.submit(self._work, actor.username, action_id).add_done_callback(_report)
        return entered

    def close(self) -> None:
        """Waits for the part at hand."""
        self._closing.set()
        self._pool.shutdown(wait=True)

    def _work(self, actor: str, action_id: str) -> None:
        try:
            for _ in self._runs.carry_out(actor, action_id):
                self._progress.changed()
                if self._closing.is_set():
                    return
        finally:
            with self._lock:
                self._at_work.discard(action_id)
            self._progress.changed()


def _report(done: "Future[None]") -> None:
    error = done.exception()
    if error is not None:  # its words may name what was asked of a database
        _LOG.error("a mass action broke off, and can be run again: %s", type(error).__name__)
