"""One card per virtual slot, across the processes of a machine.

vpcd takes one connection per slot and lets the next ones wait in silence, so the lock is ours: a name in the
kernel's abstract socket space. It belongs to the network namespace, as the slot's port does, disappears with
the process that held it, and leaves no file behind.
"""

import socket
import time
from types import TracebackType

from simulators.readers.errors import SlotBusyError

_RETRY_SECONDS = 0.05


class SlotLock:
    """The right to put a card into the slot at `host`:`port`; a context manager."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._holder: socket.socket | None = None

    def acquire(self, wait_s: float) -> None:
        """Takes the slot, waiting up to `wait_s` seconds for another process to let it go.

        :raises SlotBusyError: it is still taken
        """
        deadline = time.monotonic() + wait_s
        while not self._try_acquire():
            if time.monotonic() >= deadline:
                raise SlotBusyError(self._host, self._port, "another process keeps a card in it")
            time.sleep(_RETRY_SECONDS)

    def _try_acquire(self) -> bool:
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            holder.bind(f"\0hoviat-vpcd-{self._host}-{self._port}")
        except OSError:
            holder.close()
            return False
        self._holder = holder
        return True

    def release(self) -> None:
        """Lets the slot go. Releasing twice is allowed."""
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    def __enter__(self) -> "SlotLock":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.release()
