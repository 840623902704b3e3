"""Requests' bodies, bounded in length and time."""

import asyncio

from starlette.types import Receive

from pki.status.ocsp.patience import Patience


class BodyReader:
    """Reads bodies of at most so many bytes, within so many seconds and a fifth more."""

    def __init__(self, max_bytes: int, seconds: float) -> None:
        self._max_bytes = max_bytes
        self._patience: Patience[asyncio.Task[object]] = Patience(seconds, self._give_up)
        self._late: set[asyncio.Task[object]] = set()

    async def read(self, receive: Receive) -> bytes | None:
        """The body; None if it is too long. Raises TimeoutError.

        What a client that went away left is a body, too: a malformed request.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is answered in a task")
        self._patience.begin(task, task.get_loop())
        try:
            return await self._read(receive)
        except asyncio.CancelledError:
            # As asyncio.timeout does it: only our own cancelling becomes a time-out.
            if task in self._late and task.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            self._patience.end(task)
            self._late.discard(task)

    async def _read(self, receive: Receive) -> bytes | None:
        message = await receive()
        body = message.get("body", b"")
        while message.get("more_body", False) and len(body) <= self._max_bytes:
            message = await receive()
            body += message.get("body", b"")
        return body if len(body) <= self._max_bytes else None

    def _give_up(self, task: asyncio.Task[object]) -> None:
        self._late.add(task)
        task.cancel()
