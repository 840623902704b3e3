"""Load from a process of its own: whole requests, made before the clock starts, each sent once.

Reads pickled `Orders` from stdin, sends them to a loopback port, and writes what came of them to a file.
"""

import asyncio
import json
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import uvloop

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_TIMEOUT_SECONDS = 120.0


class LoadError(Exception):
    """The load could not be made, or the server refused a part of it."""


@dataclass(frozen=True)
class Orders:
    """What is to be sent."""

    port: int
    requests: Sequence[bytes]
    connections: int
    rate: float | None = None
    """Requests per second, sent when their time has come whether or not earlier ones were answered.

    None: each connection sends its next request as soon as it has an answer.
    """
    keep_bodies: bool = False


@dataclass
class Outcome:
    """What came back."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of the load's own process."""
    statuses: dict[int, int] = field(default_factory=dict)
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    """From the moment when a request was due, so that waiting for a slow server counts."""
    bodies: list[str] = field(default_factory=list)
    """In the order of the requests, if they were to be kept."""

    def require(self, *statuses: int) -> "Outcome":
        """Itself, if no other status came. Raises LoadError."""
        if not set(self.statuses) <= set(statuses):
            raise LoadError(f"the server answered {self.statuses}")
        return self


def send(orders: Orders) -> Outcome:
    """Has another process send them. Raises LoadError."""
    with tempfile.NamedTemporaryFile() as result:
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", __name__, result.name],
            input=pickle.dumps(orders),
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_SECONDS,
        )
        if done.returncode:
            raise LoadError(done.stderr.decode(errors="replace").strip()[-400:])
        values = json.loads(result.read())
    values["statuses"] = {int(status): count for status, count in values["statuses"].items()}
    return Outcome(**values)


class _Load:
    """All connections together: whoever is free takes the next request that is due."""

    def __init__(self, orders: Orders, loop: asyncio.AbstractEventLoop) -> None:
        self.orders = orders
        self.loop = loop
        self.finished: asyncio.Future[None] = loop.create_future()
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.bodies: dict[int, str] = {}
        self.began = 0.0
        self._next = 0
        self._idle: deque[_Connection] = deque()
        self._waits = False

    def begin(self, connections: Sequence["_Connection"]) -> None:
        self.began = self.loop.time()
        self._idle = deque(connections)
        self._give_out()

    def free(self, connection: "_Connection") -> None:
        self._idle.append(connection)
        if len(self.latencies) == len(self.orders.requests):
            if not self.finished.done():
                self.finished.set_result(None)
        elif self.orders.rate is None or self._due(self._next) <= self.loop.time():
            self._give_out()

    def lost(self, error: Exception | None) -> None:
        if not self.finished.done():
            self.finished.set_exception(LoadError(f"a connection was closed: {error}"))

    def _due(self, number: int) -> float:
        rate = self.orders.rate
        return self.began if rate is None else self.began + number / rate

    def _wake(self) -> None:
        self._waits = False
        self._give_out()

    def _give_out(self) -> None:
        while self._idle and self._next < len(self.orders.requests):
            due, now = self._due(self._next), self.loop.time()
            if due > now:
                if not self._waits:
                    self._waits = True
                    self.loop.call_at(due, self._wake)
                return
            begun = now if self.orders.rate is None else due
            # The one that has waited longest, or the server would close it for its silence.
            self._idle.popleft().send(self._next, self.orders.requests[self._next], begun)
            self._next += 1


class _Connection(asyncio.Protocol):
    """One request under way at a time."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._buffer = b""
        self._number = 0
        self._begun = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.lost(exc)

    def send(self, number: int, request: bytes, begun: float) -> None:
        self._number, self._begun, self._buffer = number, begun, b""
        self._transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(_HEAD_END)
        if not end:
            return
        _, _, rest = head.lower().partition(_LENGTH)
        if len(body) < int(rest.partition(b"\r\n")[0]):
            return
        load = self._load
        load.statuses[int(head[9:12])] += 1
        load.latencies.append(load.loop.time() - self._begun)
        if load.orders.keep_bodies:
            load.bodies[self._number] = body.decode()
        load.free(self)


async def _run(orders: Orders) -> Outcome:
    loop = asyncio.get_running_loop()
    load = _Load(orders, loop)
    opened = [
        await loop.create_connection(lambda: _Connection(load), "127.0.0.1", orders.port)
        for _ in range(orders.connections)
    ]
    used = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    load.begin([connection for _, connection in opened])
    await load.finished
    seconds = time.perf_counter() - began
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu = usage.ru_utime + usage.ru_stime - used.ru_utime - used.ru_stime
    for transport, _ in opened:
        transport.abort()
    ordered = sorted(load.latencies)
    return Outcome(
        seconds,
        cpu,
        dict(load.statuses),
        1000 * ordered[len(ordered) // 2],
        1000 * ordered[len(ordered) * 99 // 100],
        [load.bodies[number] for number in sorted(load.bodies)],
    )


if __name__ == "__main__":
    outcome = uvloop.run(_run(pickle.load(sys.stdin.buffer)))  # noqa: S301 - our parent's
    Path(sys.argv[1]).write_text(json.dumps(asdict(outcome)))
