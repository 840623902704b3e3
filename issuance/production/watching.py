"""Views as they change, for server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from issuance.production.progress import Progress
from issuance.production.service import ProductionLine, ProductionView

_POLL_SECONDS = 0.05
_REREAD_POLLS = 20
"""Once a second the database is asked even if this process saw no change: the run may be another's."""

ViewT = TypeVar("ViewT")


async def watch(line: ProductionLine, production_id: str) -> AsyncIterator[ProductionView]:
    """Yields the run at once, then at each change; ends when it no longer moves."""
    async for view in changes(line.progress, partial(line.view, production_id), _moves):
        yield view


async def changes(
    progress: Progress, look: Callable[[], ViewT], moves: Callable[[ViewT], bool]
) -> AsyncIterator[ViewT]:
    """Yields what `look` gives at once, then whenever it differs; ends with one that does not move."""
    shown: ViewT | None = None
    while True:
        version = progress.version
        view = await run_in_threadpool(look)
        if view != shown:
            yield view
            shown = view
        if not moves(view):
            return
        await _changed(progress, version)


def _moves(view: ProductionView) -> bool:
    return view.moves


async def _changed(progress: Progress, version: int) -> None:
    for _ in range(_REREAD_POLLS):
        if progress.version != version:
            return
        await asyncio.sleep(_POLL_SECONDS)
