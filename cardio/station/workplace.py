"""The station's jobs at work: each on a thread of its own, with its own card."""

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from typing import Protocol, runtime_checkable

from cardio.errors import CardError
from cardio.station.cardjob import CardJob, PinEntry
from cardio.station.failures import failure_of
from cardio.station.wire import Failure, FailureKind, Open, Refused, Request, StationMessage
from cardio.transport.base import CardConnection

_LOG = logging.getLogger(__name__)

Connect = Callable[[str], CardConnection]
Tell = Callable[[StationMessage], None]
"""Sends a message to the hub; does nothing once the connection is gone."""


@runtime_checkable
class _Exclusive(Protocol):
    def exclusive(self) -> AbstractContextManager[None]: ...


class Workplace:
    """Jobs by name. One connection to the hub has one workplace; `close` ends all its jobs."""

    def __init__(self, connect: Connect, pins: PinEntry, tell: Tell) -> None:
        self._connect = connect
        self._pins = pins
        self._tell = tell
        self._queues: dict[str, queue.SimpleQueue[Request | None]] = {}
        self._threads: list[threading.Thread] = []

    def open(self, order: Open) -> None:
        """Begins a job."""
        requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._queues[order.job] = requests
        thread = threading.Thread(target=self._work, args=(order, requests), name=order.job, daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def ask(self, request: Request) -> None:
        """Hands a request to its job; one of a job that ended is dropped."""
        requests = self._queues.get(request.job)
        if requests is not None:
            requests.put(request)

    def end(self, job: str) -> None:
        """Ends a job once it has done what it is at; its card is reset."""
        requests = self._queues.pop(job, None)
        if requests is not None:
            requests.put(None)

    def close(self, timeout_s: float) -> None:
        """Ends every job, and waits for each: a reader may hold one up, or a holder who types a PIN."""
        for job in list(self._queues):
            self.end(job)
        for thread in self._threads:
            thread.join(timeout_s)

    def _work(self, order: Open, requests: "queue.SimpleQueue[Request | None]") -> None:
        try:
            with ExitStack() as stack:
                connection = stack.enter_context(closing(self._connect(order.reader)))
                exclusive = connection.exclusive() if isinstance(connection, _Exclusive) else nullcontext()
                stack.enter_context(exclusive)
                job = CardJob(order, connection, self._pins)
                self._tell(job.opened())
                while (request := requests.get()) is not None:
                    self._tell(job.perform(request))
        except CardError as error:
            self._refuse(order, failure_of(error))
        except Exception:  # noqa: BLE001 - whatever breaks a job off, the hub hears of it
            _LOG.exception("a job broke off")
            self._refuse(order, Failure(kind=FailureKind.FAULT, detail="a fault of the station"))

    def _refuse(self, order: Open, failure: Failure) -> None:
        """A job that was closed is over for the hub: how its card was let go concerns nobody."""
        if self._queues.pop(order.job, None) is not None:
            self._tell(Refused(job=order.job, failure=failure))
