"""Batches between the event loop and a thread."""

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from verifier.recording.lane import MAXIMUM_BATCH, MAXIMUM_WAITING, Lane, LaneFullError


class Work:
    """Remembers its batches; the first one waits until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.error: Exception | None = None

    def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(items))
        self.begun.set()
        assert self.go_on.wait(30)
        if self.error is not None:
            raise self.error
        return [ValueError(str(item)) if item < 0 else item * 10 for item in items]


@pytest.fixture
def work() -> Iterator[Work]:
    made = Work()
    yield made
    made.go_on.set()


async def _gather(lane: Lane[int, int], work: Work, items: Sequence[int]) -> list[int | BaseException]:
    """The first item's batch begins before the others come."""
    first = asyncio.create_task(lane.submit(items[0]))
    await asyncio.to_thread(work.begun.wait)
    rest = [asyncio.create_task(lane.submit(item)) for item in items[1:]]
    await asyncio.sleep(0)
    work.go_on.set()
    return await asyncio.gather(first, *rest, return_exceptions=True)


def test_who_comes_meanwhile_goes_together(work: Work) -> None:
    results = asyncio.run(_gather(Lane("test", work), work, [1, 2, 3, 4]))
    assert results == [10, 20, 30, 40]
    assert work.batches == [[1], [2, 3, 4]]


def test_an_items_own_error_reaches_it_alone(work: Work) -> None:
    results = asyncio.run(_gather(Lane("test", work), work, [1, -2, 3]))
    assert results[0] == 10
    assert isinstance(results[1], ValueError)
    assert results[2] == 30


def test_a_batchs_error_reaches_all_of_it_and_the_lane_goes_on(work: Work) -> None:
    lane: Lane[int, int] = Lane("test", work)
    work.error = OSError("gone")

    async def run() -> None:
        results = await _gather(lane, work, [1, 2, 3])
        assert {type(result) for result in results} == {OSError}
        work.error = None
        assert await lane.submit(4) == 40

    asyncio.run(run())


def test_a_batch_is_bounded(work: Work) -> None:
    count = 2 * MAXIMUM_BATCH + 3
    asyncio.run(_gather(Lane("test", work), work, range(count)))
    assert [len(batch) for batch in work.batches] == [1, MAXIMUM_BATCH, MAXIMUM_BATCH, 2]


def test_those_who_wait_are_bounded(work: Work) -> None:
    results = asyncio.run(_gather(Lane("test", work), work, range(MAXIMUM_WAITING + 5)))
    assert sum(isinstance(result, LaneFullError) for result in results) == 4
    assert results[: MAXIMUM_WAITING + 1] == [item * 10 for item in range(MAXIMUM_WAITING + 1)]


def test_who_went_away_is_left_out(work: Work) -> None:
    lane: Lane[int, int] = Lane("test", work)

    async def run() -> None:
        first = asyncio.create_task(lane.submit(1))
        await asyncio.to_thread(work.begun.wait)
        gone, stays = asyncio.create_task(lane.submit(2)), asyncio.create_task(lane.submit(3))
        await asyncio.sleep(0)
        gone.cancel()
        work.go_on.set()
        assert list(await asyncio.gather(first, stays)) == [10, 30]

    asyncio.run(run())
    assert work.batches == [[1], [3]]


def test_another_event_loop_begins_anew(work: Work) -> None:
    work.go_on.set()
    lane: Lane[int, int] = Lane("test", work)
    assert asyncio.run(lane.submit(1)) == 10
    assert asyncio.run(lane.submit(2)) == 20
