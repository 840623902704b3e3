"""A run's views as they change, for server-sent events."""

import asyncio
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool

from issuance.production.service import ProductionLine, ProductionView
from issuance.production.steps import ProductionState

_POLL_SECONDS = 0.05
_REREAD_POLLS = 20
"""Once a second the database is asked even if this process saw no change: the run may be another's."""


async def watch(line: ProductionLine, production_id: str) -> AsyncIterator[ProductionView]:
    """Yields the run at once, then at each change; ends when it no longer moves."""
    shown: ProductionView | None = None
    while True:
        version = line.progress.version
        view = await run_in_threadpool(line.view, production_id)
        if view != shown:
            yield view
            shown = view
        if view.state not in {ProductionState.RUNNING, ProductionState.VOIDING}:
            return
        await _changed(line, version)


async def _changed(line: ProductionLine, version: int) -> None:
    for _ in range(_REREAD_POLLS):
        if line.progress.version != version:
            return
        await asyncio.sleep(_POLL_SECONDS)
