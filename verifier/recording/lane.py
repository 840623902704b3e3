"""The way from the event loop to whoever waits for the database: whole batches, one at a time."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

MAXIMUM_WAITING = 2_000
"""Items that wait for their batch; who comes then is asked to try later."""
MAXIMUM_BATCH = 256

Item = TypeVar("Item")
Result = TypeVar("Result")


class LaneFullError(Exception):
    """Too many wait already: nothing was done with this item."""


class Lane(Generic[Item, Result]):
    """One thread. While it works, items gather, and then go together: one transaction for all of them.

    A commit costs the same for one item as for a hundred, so the busier it is, the less each costs.
    """

    def __init__(self, name: str, work: Callable[[Sequence[Item]], Sequence[Result | Exception]]) -> None:
        """`work` blocks, and gives for each item, in their order, its result or its own error.

        What it raises is raised to every item of the batch.
        """
        self._work = work
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._busy = False

    async def submit(self, item: Item) -> Result:
        """The item's result, from its batch; raises its error, the batch's, or LaneFullError."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._waiting, self._busy = loop, [], False
        if len(self._waiting) >= MAXIMUM_WAITING:
            raise LaneFullError
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._next, loop)  # with whoever else is read in this turn of the loop
        return await future

    def close(self) -> None:
        """Ends the thread after what it is doing."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        # Those whose client went away before their turn are left out: nothing was promised to them.
        waiting = [entry for entry in self._waiting if not entry[1].done()]
        batch, self._waiting = waiting[:MAXIMUM_BATCH], waiting[MAXIMUM_BATCH:]
        self._busy = bool(batch)
        if batch:
            done = loop.run_in_executor(self._executor, self._work, [item for item, _ in batch])
            done.add_done_callback(lambda done: self._finish(loop, [future for _, future in batch], done))

    def _finish(
        self,
        loop: asyncio.AbstractEventLoop,
        futures: Sequence["asyncio.Future[Result]"],
        done: "asyncio.Future[Sequence[Result | Exception]]",
    ) -> None:
        failure = asyncio.CancelledError() if done.cancelled() else done.exception()
        results = [failure] * len(futures) if failure is not None else done.result()
        for future, result in zip(futures, results, strict=True):
            if future.done():
                continue
            if isinstance(result, asyncio.CancelledError):
                future.cancel()
            elif isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        self._next(loop)
