"""Giving up on what takes too long, by one timer for all of it: a timer each costs a tenth of an answer."""

import asyncio
from collections.abc import Callable
from itertools import takewhile
from typing import Generic, TypeVar

_SWEEPS = 5
"""In the time that is allowed; so much later, at most, is something given up."""

ItemT = TypeVar("ItemT")


class Patience(Generic[ItemT]):
    """What was begun and has not ended, oldest first. Used in one event loop at a time."""

    def __init__(self, seconds: float, give_up: Callable[[ItemT], object]) -> None:
        """`give_up` is called once for each item that is older than so many seconds."""
        self._seconds = seconds
        self._give_up = give_up
        self._began: dict[ItemT, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching = False

    def begin(self, item: ItemT, loop: asyncio.AbstractEventLoop) -> None:
        """The item's time runs from now."""
        if loop is not self._loop:
            self._loop, self._began, self._watching = loop, {}, False
        if not self._watching:
            self._watch(loop)
        self._began[item] = loop.time()

    def end(self, item: ItemT) -> None:
        """The item is done, or was given up."""
        self._began.pop(item, None)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        self._watching = True
        loop.call_later(self._seconds / _SWEEPS, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self._loop:
            return
        since = loop.time() - self._seconds
        late = list(takewhile(lambda item: self._began[item] <= since, self._began))
        for item in late:
            del self._began[item]
            self._give_up(item)
        self._watching = False
        if self._began:
            self._watch(loop)
