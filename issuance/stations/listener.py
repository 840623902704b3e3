"""The hub's port: WebSocket over TLS, for stations with their certificates and for nobody else."""

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from weakref import WeakKeyDictionary

from sqlalchemy.exc import SQLAlchemyError
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from cardio.station.wire import MAX_FRAME_BYTES, SUBPROTOCOL
from issuance.stations.admission import StationCertificate
from issuance.stations.errors import HubStartError, StationNotAdmittedError, StationStatusError
from issuance.stations.hub import Hub
from issuance.stations.line import Line
from issuance.stations.service import Stations

_LOG = logging.getLogger(__name__)
_FRAMES_LOG = logging.getLogger(f"{__name__}.websocket")
_FRAMES_LOG.setLevel(logging.CRITICAL)  # at DEBUG it writes frames, and they hold transport PINs
_ALREADY_HERE = 1008  # RFC 6455 §7.4.1
_START_SECONDS = 30.0
_UNKNOWN_CHECKS = 5
"""So many looks at the stations' standing may fail before nobody stays connected."""


@dataclass(frozen=True)
class Patience:
    """How long the hub waits for what; seconds."""

    handshake_s: float = 10.0
    """For TLS, and again for the opening handshake."""
    ping_s: float = 10.0
    """Between pings, and for the answer to each: a dead peer is gone after twice that."""
    standing_s: float = 2.0
    """Between looks at who may stay."""
    takeover_s: float = 3.0
    """For a sign of life of the first line when a second is dialled."""


class Listener:
    """Serves stations from a thread and an event loop of its own."""

    def __init__(self, stations: Stations, hub: Hub, tls: ssl.SSLContext, patience: Patience) -> None:
        self._stations = stations
        self._hub = hub
        self._tls = tls
        self._patience = patience
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._visitors: WeakKeyDictionary[ServerConnection, StationCertificate] = WeakKeyDictionary()
        self._ready = threading.Event()
        stations.on_end = self.drop

    def run(self, listening: socket.socket) -> None:
        """Until `stop`."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(listening))

    def stop(self) -> None:
        """Ends `run`, from any thread."""
        with suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._stop.set)

    def wait_ready(self) -> None:
        """Until stations can dial. Raises HubStartError."""
        if not self._ready.wait(_START_SECONDS):
            raise HubStartError

    def drop(self, station: str) -> None:
        """Ends the station's line, if it has one; from any thread."""
        line = self._hub.line(station)
        if line is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(line.abort)

    async def _serve(self, listening: socket.socket) -> None:
        async with self._server(listening):
            watching = asyncio.create_task(self._watch_standing())
            self._ready.set()
            await self._stop.wait()
            watching.cancel()

    def _server(self, listening: socket.socket) -> Server:
        return serve(
            self._visited,
            sock=listening,
            ssl=self._tls,
            ssl_handshake_timeout=self._patience.handshake_s,
            origins=[None],  # what sends an Origin is a browser
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            process_request=self._admit,
            server_header=None,
            open_timeout=self._patience.handshake_s,
            ping_interval=self._patience.ping_s,
            ping_timeout=self._patience.ping_s,
            max_size=MAX_FRAME_BYTES,
            logger=_FRAMES_LOG,
        )

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """The opening handshake: who it is, and whether they may come now."""
        if request.path != "/":
            return connection.respond(HTTPStatus.NOT_FOUND, "")
        try:
            admitted = await asyncio.to_thread(self._stations.admit, _certificate(connection))
        except StationNotAdmittedError as error:
            _LOG.warning("%s", error)
            return connection.respond(HTTPStatus.FORBIDDEN, "not admitted\n")
        except StationStatusError:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "not now\n")
        if await self._is_here(admitted.station):
            return connection.respond(HTTPStatus.CONFLICT, "connected already\n")
        self._visitors[connection] = admitted
        return None

    async def _is_here(self, station: str) -> bool:
        """Whether the station's line is alive; one that is not makes room."""
        line = self._hub.line(station)
        if line is None:
            return False
        if await line.alive(self._patience.takeover_s):
            _LOG.warning("station %s dialled twice", station)
            return True
        line.abort()
        self._hub.remove(line)
        return False

    async def _visited(self, connection: ServerConnection) -> None:
        """An admitted station, until it goes."""
        line = Line(self._visitors.pop(connection), connection)
        if not self._hub.add(line):
            await connection.close(_ALREADY_HERE)
            return
        _LOG.info("station %s is connected", line.station)
        try:
            await line.serve()
        finally:
            self._hub.remove(line)
            _LOG.info("station %s is gone", line.station)

    async def _watch_standing(self) -> None:
        failed = 0
        while True:
            await asyncio.sleep(self._patience.standing_s)
            lines = self._hub.lines
            try:
                certificates = [line.certificate for line in lines]
                admitted = await asyncio.to_thread(self._stations.admitted, certificates)
                failed = 0
            except SQLAlchemyError:
                failed += 1
                _LOG.error("the stations' standing can't be known")
                admitted = {line.station for line in lines} if failed < _UNKNOWN_CHECKS else set()
            for line in lines:
                if line.station not in admitted:
                    _LOG.warning("station %s may not stay", line.station)
                    line.abort()


def _certificate(connection: ServerConnection) -> bytes:
    """The client's, DER; its path was checked in the TLS handshake, which ends without one."""
    tls = connection.transport.get_extra_info("ssl_object")
    return tls.getpeercert(binary_form=True) or b""


@contextmanager
def listening(
    stations: Stations, hub: Hub, tls: ssl.SSLContext, at: socket.socket, patience: Patience | None = None
) -> Iterator[None]:
    """Serves stations at a listening socket until the block ends. Raises HubStartError."""
    listener = Listener(stations, hub, tls, patience or Patience())
    thread = threading.Thread(target=listener.run, args=(at,), name="stations", daemon=True)
    thread.start()
    try:
        listener.wait_ready()
        yield
    finally:
        listener.stop()
        thread.join(_START_SECONDS)
