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

Answered = Callable[[OcspAnswer], object]
"""Takes an answer."""

TRY_LATER = OcspAnswer(ResponseStatus.TRY_LATER, error_response(ResponseStatus.TRY_LATER))


class _Asked:
    """A request that waits; whoever is first answers it."""

    __slots__ = ("_answered", "request")

    def __init__(self, request: bytes, answered: Answered) -> None:
        self.request = request
        self._answered: Answered | None = answered

    @property
    def done(self) -> bool:
        """Whether it was answered, or given up."""
        return self._answered is None

    def answer(self, made: OcspAnswer) -> None:
        """Hands the answer over, once."""
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(made)


class Lane:
    """One thread. While it works, requests gather, and then go together: one read for all of them."""

    def __init__(self, answer_all: AnswerAll) -> None:
        self._answer_all = answer_all
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ocsp")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[_Asked] = []
        self._busy = False
        self._patience: Patience[_Asked] = Patience(_PATIENCE_SECONDS, lambda asked: asked.answer(TRY_LATER))

    async def answer(self, request: bytes) -> OcspAnswer:
        """The answer; tryLater when too many wait, or after five seconds or six."""
        future: asyncio.Future[OcspAnswer] = asyncio.get_running_loop().create_future()
        self.submit(request, lambda made: None if future.done() else future.set_result(made))
        return await future

    def submit(self, request: bytes, answered: Answered) -> None:
        """The same for one who doesn't await: `answered` is called once, in the running event loop."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._waiting, self._busy = loop, [], False
        asked = _Asked(request, answered)
        if len(self._waiting) >= MAX_WAITING:
            asked.answer(TRY_LATER)
            return
        self._waiting.append(asked)
        self._patience.begin(asked, loop)
        if not self._busy:
            self._busy = True
            loop.call_soon(self._next, loop)  # with whoever else is read in this turn of the loop

    def close(self) -> None:
        """Ends the thread after what it is doing."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        # Those that were given up meanwhile cost nothing more.
        waiting = [asked for asked in self._waiting if not asked.done]
        batch, self._waiting = waiting[:_MAX_BATCH], waiting[_MAX_BATCH:]
        self._busy = bool(batch)
        if not batch:
            return
        requests = [asked.request for asked in batch]
        work = loop.run_in_executor(self._executor, self._answer_all, requests)
        work.add_done_callback(lambda done: self._finish(loop, batch, done))

    def _finish(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: Sequence[_Asked],
        done: "asyncio.Future[list[OcspAnswer]]",
    ) -> None:
        failed = done.cancelled() or done.exception() is not None
        answers = [TRY_LATER] * len(batch) if failed else done.result()
        for asked, answer in zip(batch, answers, strict=True):
            self._patience.end(asked)
            loop.call_soon(asked.answer, answer)  # what fails there is one client's, and stops no other
        self._next(loop)
