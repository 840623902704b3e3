"""`hoviat station`: dials the hub, tells of its readers, and does what jobs ask (docs/stations.md)."""

import logging
import random
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedError,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from cardio.station import wire
from cardio.station.backoff import LONGEST_S, waits
from cardio.station.cardjob import PinEntry
from cardio.station.errors import HubError, ProtocolError, WireError
from cardio.station.protocol import StationProtocol
from cardio.station.readers import States, described
from cardio.station.wire import Close, Hello, HubMessage, Open, ReadersChanged, Refused, StationMessage
from cardio.station.workplace import Connect, Workplace
from cardio.transport.base import ReaderUnavailableError
from cardio.transport.pcsc import ReaderState

_LOG = logging.getLogger(__name__)
_FRAMES_LOG = logging.getLogger(f"{__name__}.websocket")
_FRAMES_LOG.setLevel(logging.CRITICAL)  # at DEBUG it writes frames, and they hold transport PINs
_OPEN_SECONDS = 10.0
_PING_SECONDS = 10.0
_POLL_SECONDS = 0.2
_END_SECONDS = 5.0
_GOING_AWAY, _POLICY_VIOLATION = 1001, 1008  # RFC 6455 §7.4.1
_FINAL = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_SCHEME = "wss://"


@dataclass(frozen=True)
class Post:
    """What a station works with."""

    server: str
    """The hub's address, wss://host:port."""
    tls: ssl.SSLContext = field(repr=False)
    states: States
    connect: Connect
    pins: PinEntry
    version: str = "hoviat"
    longest_wait_s: float = LONGEST_S
    """Between two tries to reach the hub."""


class Agent:
    """One station's connection to its hub, made again whenever it is lost."""

    def __init__(self, post: Post, tell: Callable[[str], None] = _LOG.info) -> None:
        self._post = post
        self._tell = tell
        self._stopped = threading.Event()
        self._socket: ClientConnection | None = None

    def stop(self) -> None:
        """Ends `run`, from another thread."""
        self._stopped.set()
        socket = self._socket
        if socket is not None:
            socket.close(_GOING_AWAY)

    def run(self) -> None:
        """Serves until `stop`. Raises HubError where trying again is of no use."""
        pauses = self._pauses()
        while not self._stopped.is_set():
            try:
                self.serve_once()
                pauses = self._pauses()
            except HubError as error:
                if error.final:
                    raise
                self._tell(str(error))
            self._stopped.wait(next(pauses))

    def _pauses(self) -> Iterator[float]:
        return waits(random.SystemRandom().random, self._post.longest_wait_s)

    def serve_once(self) -> None:
        """One connection, from its handshake to its end. Raises HubError where there was no handshake."""
        with self._dialled() as socket:
            self._socket = socket
            self._tell(f"connected to {self._post.server}")
            try:
                _Visit(self._post, socket).run()
            finally:
                self._socket = None
        if not self._stopped.is_set():
            self._tell(f"the connection to {self._post.server} was lost")

    def _dialled(self) -> ClientConnection:
        server = self._post.server
        if not server.startswith(_SCHEME):
            raise HubError(server, "the hub's address begins with wss://", final=True)
        try:
            return connect(
                server,
                ssl=self._post.tls,
                subprotocols=[Subprotocol(wire.SUBPROTOCOL)],
                compression=None,
                proxy=None,
                user_agent_header=None,
                open_timeout=_OPEN_SECONDS,
                ping_interval=_PING_SECONDS,
                ping_timeout=_PING_SECONDS,
                max_size=wire.MAX_FRAME_BYTES,
                logger=_FRAMES_LOG,
            )
        except ssl.SSLCertVerificationError as error:
            raise HubError(server, f"the hub is not trusted: {error.verify_message}", final=True) from error
        except (InvalidURI, ValueError) as error:
            raise HubError(server, "is no address", final=True) from error
        except InvalidStatus as error:
            status = error.response.status_code
            raise HubError(server, f"the hub answers {status}", final=status in _FINAL) from error
        except (OSError, InvalidHandshake, ConnectionClosed) as error:
            raise HubError(server, f"can't be reached: {type(error).__name__}") from error


class _Visit:
    """One connection at work. A hub that breaks the protocol is left."""

    def __init__(self, post: Post, socket: ClientConnection) -> None:
        self._post = post
        self._socket = socket
        self._protocol = StationProtocol()
        self._order = threading.Lock()
        self._over = threading.Event()
        self._workplace = Workplace(post.connect, post.pins, self._send)
        self._shown = described(self._states())

    def run(self) -> None:
        self._send(Hello(agent=self._post.version, readers=self._shown))
        watcher = threading.Thread(target=self._watch, name="readers", daemon=True)
        watcher.start()
        try:
            for frame in self._socket:
                self._receive(wire.decode_from_hub(frame))
        except (WireError, ProtocolError) as error:
            _LOG.warning("the hub broke the protocol: %s", error)
            self._socket.close(_POLICY_VIOLATION)
        except ConnectionClosedError:
            pass  # how it ended changes nothing
        finally:
            self._over.set()
            self._workplace.close(_END_SECONDS)
            watcher.join(_END_SECONDS)

    def _receive(self, message: HubMessage) -> None:
        with self._order:
            self._protocol.receive(message)
        if isinstance(message, Open):
            self._workplace.open(message)
        elif isinstance(message, Close):
            self._workplace.end(message.job)
        else:
            self._workplace.ask(message)

    def _send(self, message: StationMessage) -> None:
        """Before the answer leaves, the next request may come."""
        job = getattr(message, "job", None)
        with self._order:
            if isinstance(message, Refused):
                self._protocol.refused(message.job)
            elif job is not None:
                self._protocol.answered(job)
        with suppress(ConnectionClosed):
            self._socket.send(wire.encode(message))

    def _watch(self) -> None:
        while not self._over.wait(_POLL_SECONDS):
            readers = described(self._states())
            if readers != self._shown:
                self._shown = readers
                self._send(ReadersChanged(readers=readers))

    def _states(self) -> Mapping[str, ReaderState]:
        try:
            return self._post.states()
        except ReaderUnavailableError:
            return {}
