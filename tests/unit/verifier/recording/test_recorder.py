"""A recorder, and those who come to it over a real socket."""

import asyncio
import os
import pickle
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.authentication import errors, statuserrors
from verifier.authentication.errors import ChallengeError, LoginRefusedError
from verifier.authentication.statuserrors import StatusError
from verifier.logins.records import (
    ClockBehindError,
    ReceiptsUnsignedError,
    RecorderAwayError,
    RecordsAwayError,
)
from verifier.recording import client as clients
from verifier.recording import recorder as recorders
from verifier.recording.client import RecorderClient
from verifier.recording.frames import MAXIMUM_BYTES, SECRET_BYTES, FrameError, Frames, Told, frame
from verifier.recording.lane import MAXIMUM_WAITING, LaneFullError
from verifier.recording.recorder import MAXIMUM_BATCH, Recorder, RecorderFaultError, listen
from verifier.services.errors import ApiKeyInvalidError, OriginForeignError

SECRET = bytes(range(SECRET_BYTES))
SPECIAL = 1 << 60


class Work:
    """Multiplies by ten; waits, fails and counts as it is told."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self.error: Exception | None = None
        self.special: Exception | None = None

    def __call__(self, works: Sequence[Any]) -> Sequence[object]:
        self.batches.append(list(works))
        self.begun.set()
        assert self.go_on.wait(30)
        if self.error is not None:
            raise self.error
        return [self._result(work) for work in works]

    def _result(self, work: int) -> object:
        if work == SPECIAL:
            return self.special
        return ValueError(str(work)) if work < 0 else work * 10


class Running:
    """A recorder in a thread, and what it is called by."""

    def __init__(self, listener: socket.socket) -> None:
        self.work = Work()
        self.listener = listener
        self.address = listener.getsockname()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        Recorder(self.listener, SECRET, self.work, (RecordsAwayError,)).serve(self.stop)

    def end(self) -> None:
        self.work.go_on.set()
        self.stop.set()
        self.thread.join(30)
        assert not self.thread.is_alive()


@pytest.fixture
def running() -> Iterator[Running]:
    with listen() as listener:
        made = Running(listener)
        yield made
        made.end()


async def _submitted(client: RecorderClient, works: Sequence[int]) -> list[Any]:
    return await asyncio.gather(*map(client.submit, works), return_exceptions=True)


def test_results_come_back_each_to_its_own(running: Running) -> None:
    async def run() -> None:
        clients = [RecorderClient(running.address, SECRET) for _ in range(3)]
        results = await asyncio.gather(*(_submitted(client, range(100)) for client in clients))
        assert results == [[10 * work for work in range(100)]] * 3
        for client in clients:
            client.close()

    asyncio.run(run())


def test_what_several_workers_bring_meanwhile_goes_together(running: Running) -> None:
    async def run() -> None:
        first, second, third = (RecorderClient(running.address, SECRET) for _ in range(3))
        running.work.go_on.clear()
        asked = [asyncio.create_task(first.submit(1))]
        await asyncio.to_thread(running.work.begun.wait, 30)
        asked += [asyncio.create_task(client.submit(work)) for client, work in ((second, 2), (third, 3))]
        await _until(lambda: not any(client._waiting for client in (second, third)))
        running.work.go_on.set()
        assert await asyncio.gather(*asked) == [10, 20, 30]
        for client in (first, second, third):
            client.close()

    asyncio.run(run())
    assert running.work.batches[0] == [1]
    assert sorted(work for batch in running.work.batches[1:] for work in batch) == [2, 3]


def test_a_works_own_error_reaches_it_alone(running: Running) -> None:
    results = asyncio.run(_once(running, [1, -2, 3]))
    assert (results[0], results[2]) == (10, 30)
    assert isinstance(results[1], ValueError)


def test_a_known_error_reaches_all_of_its_batch_and_the_next_goes_well(running: Running) -> None:
    async def run() -> None:
        client = RecorderClient(running.address, SECRET)
        running.work.error = RecordsAwayError("OperationalError")
        results = await _submitted(client, [1, 2])
        assert [(type(result), result.cause) for result in results] == [
            (RecordsAwayError, "OperationalError")
        ] * 2
        running.work.error = None
        assert await client.submit(4) == 40
        client.close()

    asyncio.run(run())


def test_a_fault_is_told_by_its_name_alone(running: Running) -> None:
    running.work.error = KeyError("0012345679")
    [result] = asyncio.run(_once(running, [1]))
    assert isinstance(result, RecorderFaultError)
    assert str(result) == "KeyError"


def test_batches_are_bounded(running: Running) -> None:
    count = 3 * MAXIMUM_BATCH
    assert asyncio.run(_once(running, range(count))) == [10 * work for work in range(count)]
    assert max(map(len, running.work.batches)) <= MAXIMUM_BATCH


def test_those_who_wait_are_bounded(running: Running) -> None:
    results = asyncio.run(_once(running, range(MAXIMUM_WAITING + 5)))
    assert sum(isinstance(result, LaneFullError) for result in results) == 5


def test_without_a_recorder_everybody_is_told() -> None:
    with listen() as listener:
        address = listener.getsockname()

    async def run() -> list[Any]:
        return await _submitted(RecorderClient(address, SECRET), [1, 2])

    assert [type(result) for result in asyncio.run(run())] == [RecorderAwayError] * 2


def test_those_whose_recorder_dies_are_told_and_the_next_one_takes_over() -> None:
    """The listener stays with the parent: a call that nobody has taken yet waits for the next recorder."""
    with listen() as listener:

        async def run() -> None:
            client = RecorderClient(listener.getsockname(), SECRET)
            asked = asyncio.create_task(client.submit(1))
            dying, _ = await asyncio.to_thread(listener.accept)
            await asyncio.to_thread(dying.recv, 1 << 16)
            dying.close()
            with pytest.raises(RecorderAwayError):
                await asked
            asked = asyncio.create_task(client.submit(2))
            await asyncio.sleep(0)
            successor = Running(listener)
            assert await asked == 20
            client.close()
            await asyncio.to_thread(successor.end)

        asyncio.run(run())


def test_it_ends_after_those_who_have_something_for_it(running: Running) -> None:
    async def run() -> None:
        client = RecorderClient(running.address, SECRET)
        assert await client.submit(1) == 10
        running.stop.set()
        assert await client.submit(2) == 20
        client.close()

    asyncio.run(run())
    running.thread.join(30)
    assert not running.thread.is_alive()


def test_who_went_away_is_left_out_and_his_recorder_goes_on(running: Running) -> None:
    with socket.socket(socket.AF_UNIX) as gone:
        gone.connect(running.address)
        running.work.go_on.clear()
        gone.sendall(SECRET + frame(1, [1] * 100))
        assert running.work.begun.wait(30)
    running.work.go_on.set()
    assert asyncio.run(_once(running, [3])) == [30]


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack("!I", MAXIMUM_BYTES + 1),
        struct.pack("!I", 4) + b"none",
        struct.pack("!I", 0),
        frame(1, [1])[:-1],
        struct.pack("!I", len(pickle.dumps(7))) + pickle.dumps(7),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["too long", "no pickle", "empty", "cut", "no batch", "HTTP"],
)
def test_who_sends_nonsense_is_dropped_and_nobody_else(running: Running, sent: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as odd:
        odd.connect(running.address)
        odd.sendall(SECRET + sent)
        assert asyncio.run(_once(running, [3])) == [30]
        with suppress(OSError):  # it may be gone already
            odd.shutdown(socket.SHUT_WR)
        assert odd.recv(10) == b""


def test_another_users_process_is_turned_away(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    other = os.getuid() + 1
    monkeypatch.setattr(recorders, "user_of", lambda _connection: other)
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.connect(running.address)
        with suppress(ConnectionError):  # what it sends, it may send in vain
            foreign.sendall(SECRET + frame(1, [1]))
            assert foreign.recv(10) == b""
    assert running.work.batches == []


@given(
    batches=st.lists(st.tuples(st.integers(0, 1 << 40), st.lists(st.text() | st.binary()))),
    cuts=st.lists(st.integers(1, 200), min_size=1),
)
def test_frames_survive_any_cutting(batches: list[tuple[int, list[Any]]], cuts: list[int]) -> None:
    data = b"".join(frame(*batch) for batch in batches)
    frames, read, place, turn = Frames(), [], 0, 0
    while place < len(data):
        step = cuts[turn % len(cuts)]
        read += list(frames.feed(data[place : place + step]))
        place, turn = place + step, turn + 1
    assert read == batches


def test_a_frame_is_refused_by_its_length_before_it_comes() -> None:
    with pytest.raises(FrameError):
        list(Frames().feed(struct.pack("!I", MAXIMUM_BYTES + 1)))


@pytest.mark.parametrize(
    "error",
    [
        ApiKeyInvalidError(),
        OriginForeignError(),
        RecordsAwayError("OperationalError"),
        ReceiptsUnsignedError(),
        ClockBehindError("by an hour"),
        RecorderFaultError("KeyError"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_reaches_whom_it_concerns_and_harms_nobody_else(
    running: Running, error: Exception
) -> None:
    """Each kind that a work can end in, by the way that it takes in service."""
    running.work.special = error

    async def run() -> list[Any]:
        client = RecorderClient(running.address, SECRET)
        results = await _submitted(client, [1, SPECIAL, 3])
        client.close()
        return results

    first, told, third = asyncio.run(run())
    assert (first, third) == (10, 30)
    assert (type(told), told.args, vars(told)) == (type(error), error.args, vars(error))


def test_an_error_is_told_without_its_causes() -> None:
    error = RecordsAwayError("OperationalError")
    error.__cause__ = KeyError("0012345679")
    assert b"0012345679" not in frame(1, [Told.of(error)])


@pytest.mark.parametrize("shown", [b"", SECRET[:-1], bytes(SECRET_BYTES), SECRET[::-1]])
def test_who_does_not_know_the_secret_is_not_read(running: Running, shown: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(running.address)
        with suppress(ConnectionError):
            stranger.sendall(shown + frame(1, [1]))
            stranger.shutdown(socket.SHUT_WR)
            assert stranger.recv(10) == b""
    assert asyncio.run(_once(running, [3])) == [30]
    assert running.work.batches == [[3]]


def test_a_silent_recorder_is_left_and_what_it_was_given_is_not_done(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(clients, "_WATCH_SECONDS", 0.05)
    running.work.go_on.clear()

    async def run() -> None:
        client = RecorderClient(running.address, SECRET)
        hanging = asyncio.create_task(client.submit(1))
        await asyncio.to_thread(running.work.begun.wait, 30)
        late = asyncio.create_task(client.submit(2))
        for asked in (hanging, late):
            with pytest.raises(RecorderAwayError):
                await asked
        running.work.go_on.set()
        assert await client.submit(3) == 30
        client.close()

    asyncio.run(run())
    assert [2] not in running.work.batches


def test_who_answers_in_another_users_name_is_not_asked(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = os.getuid() + 1
    monkeypatch.setattr(clients, "user_of", lambda _connection: other)
    [result] = asyncio.run(_once(running, [1]))
    assert isinstance(result, RecorderAwayError)
    assert running.work.batches == []


SAMPLES: dict[str, tuple[Any, ...]] = {
    "ChallengeUsedError": (datetime(2026, 1, 1, tzinfo=UTC),),
    "ChallengeExpiredError": (datetime(2026, 1, 1, tzinfo=UTC),),
    "CertificateRevokedError": (datetime(2026, 1, 1, tzinfo=UTC), "keyCompromise"),
    "CertificateSuspendedError": (datetime(2026, 1, 1, tzinfo=UTC),),
}


@pytest.mark.parametrize(
    "name", ["ChallengeUnknownError", "CertificateUnknownError", "StatusUnavailableError", *SAMPLES]
)
def test_refusals_of_the_records_go_between_processes(name: str) -> None:
    kind = getattr(errors, name, None) or getattr(statuserrors, name)
    error: LoginRefusedError = kind(*SAMPLES.get(name, ()))
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own, of just now
    assert type(copy) is type(error)
    assert (copy.args, vars(copy), copy.kind) == (error.args, vars(error), error.kind)
    assert isinstance(copy, ChallengeError | StatusError)


async def _once(running: Running, works: Sequence[int]) -> list[Any]:
    client = RecorderClient(running.address, SECRET)
    results = await _submitted(client, works)
    client.close()
    return results


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(100_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come")
