"""A network that takes its time: a TCP relay on loopback that delivers everything later, and can be cut."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

_CHUNK = 65_536
_Waiting: TypeAlias = asyncio.Queue[tuple[float, bytes]]
_START_SECONDS = 30.0


class SlowLink:
    """Relays connections to one address; what is sent arrives `delay_s` later, in order."""

    def __init__(self, host: str, port: int, delay_s: float) -> None:
        self._target = (host, port)
        self.delay_s = delay_s
        self._loop = asyncio.new_event_loop()
        self._relays: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._stop = asyncio.Event()
        self._frozen = False

    def cut(self) -> None:
        """Resets every connection, as a pulled plug does once somebody notices."""
        self._loop.call_soon_threadsafe(self._abort)

    def freeze(self) -> None:
        """Delivers nothing any more and tells nobody: a dead peer."""
        self._frozen = True

    def run(self, listener: socket.socket, ready: threading.Event) -> None:
        """Until `end`."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(listener, ready))

    def end(self) -> None:
        """Ends `run`, from any thread."""
        self._loop.call_soon_threadsafe(self._stop.set)

    async def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._relay, sock=listener)
        ready.set()
        await self._stop.wait()
        server.close()
        self._abort()
        if self._relays:  # a relay that is cancelled instead would be told of as a fault
            await asyncio.wait(self._relays, timeout=_START_SECONDS)

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._relays.add(task)
            task.add_done_callback(self._relays.discard)
        with suppress(OSError):
            there, back = await asyncio.open_connection(*self._target)
            self._writers |= {writer, back}
            await asyncio.gather(self._carry(reader, back), self._carry(there, writer))
        writer.transport.abort()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        waiting: _Waiting = asyncio.Queue()
        delivering = asyncio.create_task(self._deliver(waiting, sink))
        with suppress(OSError):
            while data := await source.read(_CHUNK):
                waiting.put_nowait((self._loop.time() + self.delay_s, data))
        waiting.put_nowait((self._loop.time() + self.delay_s, b""))
        await delivering

    async def _deliver(self, waiting: "_Waiting", sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while True:
                due, data = await waiting.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                if not data:
                    break
                if self._frozen:
                    continue
                sink.write(data)
                await sink.drain()
            if not self._frozen:
                sink.close()


@contextmanager
def slow_link(host: str, port: int, delay_s: float) -> Iterator[tuple[SlowLink, int]]:
    """A link to `host`:`port`, `delay_s` seconds one way; yields it with its own port on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link, ready = SlowLink(host, port, delay_s), threading.Event()
        thread = threading.Thread(target=link.run, args=(listener, ready), name="slow link", daemon=True)
        thread.start()
        ready.wait(_START_SECONDS)
        try:
            yield link, int(listener.getsockname()[1])
        finally:
            link.end()
            thread.join(_START_SECONDS)
