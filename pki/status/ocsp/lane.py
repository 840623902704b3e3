"""The way from the event loop to whoever reads the database and signs: whole batches, one at a time."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from pki.status.ocsp.patience import Patience
from pki.status.ocsp.responder import OcspAnswer
from pki.status.ocsp.response import ResponseStatus, error_response

MAX_WAITING = 2_000
"""Requests that wait to be answered; who comes then is asked to try later."""
_MAX_BATCH = 64
_PATIENCE_SECONDS = 5.0

AnswerAll = Callable[[Sequence[bytes]], list[OcspAnswer]]
"""Answers requests, in their order; blocks."""

TRY_LATER = OcspAnswer(ResponseStatus.TRY_LATER, error_response(ResponseStatus.TRY_LATER))


class Lane:
    """One thread. While it works, requests gather, and then go together: one read for all of them."""

    def __init__(self, answer_all: AnswerAll) -> None:
        self._answer_all = answer_all
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ocsp")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[tuple[bytes, asyncio.Future[OcspAnswer]]] = []
        self._busy = False
        self._patience = Patience(_PATIENCE_SECONDS, _give_up)

    async def answer(self, request: bytes) -> OcspAnswer:
        """The answer; tryLater when too many wait, or after five seconds or six."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._waiting, self._busy = loop, [], False
        if len(self._waiting) >= MAX_WAITING:
            return TRY_LATER
        future: asyncio.Future[OcspAnswer] = loop.create_future()
        self._waiting.append((request, future))
        if not self._busy:
            self._next(loop)
        self._patience.begin(future, loop)
        try:
            return await future
        finally:
            self._patience.end(future)

    def close(self) -> None:
        """Ends the thread after what it is doing."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        # Those who gave up meanwhile cost nothing more.
        waiting = [item for item in self._waiting if not item[1].done()]
        batch, self._waiting = waiting[:_MAX_BATCH], waiting[_MAX_BATCH:]
        self._busy = bool(batch)
        if not batch:
            return
        work = loop.run_in_executor(self._executor, self._answer_all, [request for request, _ in batch])
        work.add_done_callback(lambda done: self._finish(loop, batch, done))

    def _finish(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: Sequence[tuple[bytes, asyncio.Future[OcspAnswer]]],
        done: "asyncio.Future[list[OcspAnswer]]",
    ) -> None:
        failed = done.cancelled() or done.exception() is not None
        answers = [TRY_LATER] * len(batch) if failed else done.result()
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
        self._next(loop)


def _give_up(future: asyncio.Future[OcspAnswer]) -> None:
    if not future.done():
        future.set_result(TRY_LATER)
