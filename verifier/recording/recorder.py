"""The process that records for all workers: what comes from any of them meanwhile goes in one transaction."""

import hmac
import logging
import os
import secrets
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from verifier.recording.frames import SECRET_BYTES, FrameError, Frames, Told, frame, user_of

MAXIMUM_BATCH = 512
_READ_BYTES = 1 << 18
_SEND_SECONDS = 5.0
"""A worker that doesn't take its results in that time is left alone."""
_LOOK_SECONDS = 0.5
_GRACE_SECONDS = 8.0
_LOG = logging.getLogger(__name__)

WorkAll = Callable[[Sequence[Any]], Sequence[object]]
"""Gives for each work its result or its own error; an error that it raises is everybody's."""


class RecorderFaultError(Exception):
    """A fault of the program; the recorder's log has it."""


def listen() -> socket.socket:
    """Where workers come to: a name of its own in the kernel's space of names, which leaves no file."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"\0hoviat-recorder-{secrets.token_hex(16)}")
    listener.listen()
    return listener


class _Worker:
    """One who called: first his secret, then frames."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._shown = b""
        self._frames = Frames()

    def feed(self, data: bytes) -> Iterator[tuple[int, list[Any]]]:
        """The works that are whole now. Raises FrameError, also for another secret."""
        due = SECRET_BYTES - len(self._shown)
        self._shown += data[:due]
        if len(self._shown) < SECRET_BYTES:
            return
        if not hmac.compare_digest(self._shown, self._secret):
            raise FrameError
        yield from self._frames.feed(data[due:])


def _framed(number: int, results: list[object]) -> bytes:
    """A batch's results; one that can't be told is a fault of its own, not of the others."""
    told = [Told.of(result) if isinstance(result, Exception) else result for result in results]
    try:
        return frame(number, told)
    except Exception as error:  # noqa: BLE001 - pickle raises whatever it runs into
        _LOG.error("results can't be told: %s", type(error).__name__, exc_info=error)
        return frame(number, [Told.of(RecorderFaultError(type(error).__name__))] * len(results))


class Recorder:
    """Serves workers one after another, in the one thread there is."""

    def __init__(
        self, listener: socket.socket, secret: bytes, work_all: WorkAll, errors: tuple[type[Exception], ...]
    ) -> None:
        """`secret` is what workers show (SECRET_BYTES).

        `errors` of `work_all` are told to those whose works they were; others are told as a fault.
        """
        self._listener = listener
        self._secret = secret
        self._work_all = work_all
        self._errors = errors
        self._selector = selectors.DefaultSelector()
        self._waiting: deque[tuple[socket.socket, int, list[Any]]] = deque()

    def serve(self, stop: threading.Event) -> None:
        """Until `stop` is set and then all workers are gone, or a while has passed."""
        self._listener.settimeout(0.0)
        self._selector.register(self._listener, selectors.EVENT_READ)
        end = float("inf")
        while not (stop.is_set() and (self._alone or time.monotonic() > end)):
            for key, _ in self._selector.select(0.0 if self._waiting else _LOOK_SECONDS):
                if key.data is None:
                    self._accept()
                else:
                    self._read(key.data, key.fileobj)  # type: ignore[arg-type]
            self._record()
            if stop.is_set():
                end = min(end, time.monotonic() + _GRACE_SECONDS)
        self._selector.close()

    @property
    def _alone(self) -> bool:
        return len(self._selector.get_map()) == 1 and not self._waiting

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # it went away before it was its turn
            return
        if user_of(connection) != os.getuid():
            _LOG.error("another user's process was turned away")
            connection.close()
            return
        self._selector.register(connection, selectors.EVENT_READ, _Worker(self._secret))

    def _read(self, worker: "_Worker", connection: socket.socket) -> None:
        """All there is, so that who is gone is known before his works are done."""
        try:
            connection.settimeout(0.0)
            while data := connection.recv(_READ_BYTES):
                for number, works in worker.feed(data):
                    self._waiting.append((connection, number, works))
        except BlockingIOError:
            return
        except (OSError, FrameError):
            pass
        self._drop(connection)

    def _record(self) -> None:
        """As many frames as a batch takes; the rest waits for what comes meanwhile."""
        batch: list[tuple[socket.socket, int, list[Any]]] = []
        size = 0
        self._waiting = deque(
            entry for entry in self._waiting if entry[0].fileno() >= 0
        )  # who is still there
        while self._waiting and (not batch or size + len(self._waiting[0][2]) <= MAXIMUM_BATCH):
            batch.append(self._waiting.popleft())
            size += len(batch[-1][2])
        if not batch:
            return
        results = iter(self._results([work for _, _, works in batch for work in works]))
        for connection, number, works in batch:
            self._send(connection, _framed(number, [next(results) for _ in works]))

    def _results(self, works: list[Any]) -> Sequence[object]:
        try:
            return self._work_all(works)
        except self._errors as error:
            return [error] * len(works)
        except Exception as error:  # noqa: BLE001 - those who wait are told, and the next batch may go well
            _LOG.error("a batch ended in %s", type(error).__name__, exc_info=error)
            return [RecorderFaultError(type(error).__name__)] * len(works)

    def _send(self, connection: socket.socket, data: bytes) -> None:
        if connection.fileno() < 0:
            return  # dropped
        try:
            connection.settimeout(_SEND_SECONDS)
            connection.sendall(data)
        except OSError:
            self._drop(connection)

    def _drop(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        connection.close()
