"""What takes too long is given up once, what ends in time never, in whatever order they end."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message

from pki.status.ocsp.bodies import BodyReader
from pki.status.ocsp.patience import Patience

_SECONDS = 0.05


def test_only_what_did_not_end_is_given_up_and_once() -> None:
    given_up: list[int] = []

    async def run() -> None:
        all_late = asyncio.Event()

        def give_up(item: int) -> None:
            given_up.append(item)
            if item == 8:
                all_late.set()

        patience = Patience(_SECONDS, give_up)
        loop = asyncio.get_running_loop()
        for item in range(10):
            patience.begin(item, loop)
        for item in (1, 3, 5, 7, 9):
            patience.end(item)
        await all_late.wait()
        patience.end(8)

    asyncio.run(run())
    assert given_up == [0, 2, 4, 6, 8]


def test_it_begins_anew_in_another_event_loop() -> None:
    given_up: list[str] = []
    done: list[asyncio.Event] = []

    def give_up(item: str) -> None:
        given_up.append(item)
        done[-1].set()

    patience = Patience(_SECONDS, give_up)

    async def begin(item: str) -> None:
        done.append(asyncio.Event())
        patience.begin(item, asyncio.get_running_loop())

    async def begin_and_wait(item: str) -> None:
        await begin(item)
        await done[-1].wait()

    asyncio.run(begin("first"))
    asyncio.run(begin_and_wait("second"))
    assert given_up == ["second"]


def _receiver(*messages: Message) -> Callable[[], Awaitable[Message]]:
    waiting = list(messages)

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    return receive


def _part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def _read(*messages: Message) -> bytes | None:
    return asyncio.run(BodyReader(8, _SECONDS).read(_receiver(*messages)))


def test_a_body_in_parts_is_put_together() -> None:
    assert _read(_part(b"1234", more=True), _part(b"", more=True), _part(b"5678", more=False)) == b"12345678"


@pytest.mark.parametrize("parts", [[b"123456789"], [b"1234", b"56789"], [b"1" * 9, b"2" * 9, b"3" * 9]])
def test_a_body_that_is_too_long_is_read_no_further(parts: list[bytes]) -> None:
    assert _read(*(_part(part, more=True) for part in parts)) is None


def test_a_client_that_went_away_left_what_it_sent() -> None:
    assert _read(_part(b"12", more=True), {"type": "http.disconnect"}) == b"12"


def test_a_slow_body_is_a_timeout_and_leaves_the_task_usable() -> None:
    async def run() -> None:
        reader = BodyReader(8, _SECONDS)
        with pytest.raises(TimeoutError):
            await reader.read(_receiver(_part(b"1", more=True)))
        assert await reader.read(_receiver(_part(b"2", more=False))) == b"2"

    asyncio.run(run())


def test_another_s_cancelling_stays_what_it_is() -> None:
    async def run() -> None:
        task = asyncio.create_task(BodyReader(8, 60).read(_receiver()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
