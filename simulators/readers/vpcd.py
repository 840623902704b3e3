"""A simulated card in a slot of the real pcscd, through the virtual reader driver vpcd.

The card dials the slot's TCP port. Frames are a 2-byte big-endian length and a body; a body of one byte is a
control (power off, power on, reset, ATR wanted), anything longer a command APDU.
"""

import logging
import socket
import threading
import time
from enum import IntEnum, unique
from typing import Protocol

from cardio.transport import pcsc
from cardio.transport.base import NoCardError, TransportError
from simulators.card.errors import CardMuteError, PowerCutError, ReaderFailureError
from simulators.readers.errors import CardNotSeenError, SlotUnavailableError
from simulators.readers.slotlock import SlotLock

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 35963
SLOTS = {35963: "Virtual PCD 00 00", 35964: "Virtual PCD 00 01"}

DEFAULT_SLOT_WAIT_S = 60.0
DEFAULT_INSERT_TIMEOUT_S = 20.0
_DIAL_TIMEOUT_S = 5.0
_JOIN_TIMEOUT_S = 60.0  # an RSA key generation may be under way
_ABSENCE_TIMEOUT_S = 5.0
# pcscd looks at its readers every 0.4 s. A card lost in the middle of a command is reported absent at once,
# but if the next one comes before pcscd has looked, it is never reported present.
_SETTLING_S = 0.7
_POLL_SECONDS = 0.05
_LENGTH_BYTES = 2
_MAX_FRAME_BODY = 0xFFFF

_log = logging.getLogger(__name__)


class Card(Protocol):
    """What a slot needs of a card."""

    @property
    def atr(self) -> bytes:
        """The answer to reset."""
        ...

    def power_on(self) -> bytes:
        """Powers the card; returns the ATR."""
        ...

    def power_off(self) -> None:
        """Takes the power away."""

    def reset(self) -> bytes:
        """Warm reset; returns the ATR."""
        ...

    def transmit(self, command: bytes) -> bytes:
        """Answers a command APDU."""
        ...


@unique
class Control(IntEnum):
    """The one-byte frames that vpcd sends."""

    POWER_OFF = 0
    POWER_ON = 1
    RESET = 2
    ATR = 4


class VirtualReader:
    """A card that sits in a slot of pcscd until `remove` (or the end of the `with` block).

    `slot_wait_s` is how long to wait for another process to free the slot.
    """

    def __init__(
        self,
        card: Card,
        port: int = DEFAULT_PORT,
        host: str = LOOPBACK,
        *,
        slot_wait_s: float = DEFAULT_SLOT_WAIT_S,
    ) -> None:
        self._card = card
        self._host = host
        self._port = port
        self._lock = SlotLock(host, port)
        self._slot_wait_s = slot_wait_s
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._ended_at = 0.0

    @property
    def name(self) -> str:
        """The reader's full name; for a port that Debian's configuration doesn't know, `host:port`."""
        return SLOTS.get(self._port, f"{self._host}:{self._port}")

    @property
    def port(self) -> int:
        """The slot's TCP port."""
        return self._port

    def insert(self) -> None:
        """Puts the card in; returns at once, `wait_inserted` waits for pcscd to notice.

        :raises SlotBusyError: another process keeps a card in the slot
        :raises SlotUnavailableError: nothing listens there
        """
        self._lock.acquire(self._slot_wait_s)
        try:
            self._socket = _dial(self._host, self._port)
        except OSError as error:
            self._lock.release()
            detail = f"{error.strerror or error}; is pcscd with vpcd running?"
            raise SlotUnavailableError(self._host, self._port, detail) from None
        self._ended.clear()
        self._thread = threading.Thread(target=self._serve, args=(self._socket,), name=self.name, daemon=True)
        self._thread.start()

    def wait_inserted(self, timeout_s: float = DEFAULT_INSERT_TIMEOUT_S) -> None:
        """Returns once the PC/SC service has noticed the card.

        :raises CardNotSeenError: not in time
        :raises TransportError: there is no PC/SC service, or no such reader
        """
        try:
            pcsc.wait_for_card(self.name, timeout_s)
        except NoCardError:
            raise CardNotSeenError(self.name, timeout_s) from None

    def wait_ended(self, timeout_s: float | None = None) -> bool:
        """Waits until the card has left the slot: pulled, dark after a power cut, or pcscd ended."""
        return self._ended.wait(timeout_s)

    def remove(self) -> None:
        """Pulls the card, waits for the PC/SC service to notice, and frees the slot; twice is allowed.

        A card pulled unnoticed would merge with the one that comes next.
        """
        if self._socket is None:
            return
        _hang_up(self._socket)
        if self._thread is not None:
            self._thread.join(_JOIN_TIMEOUT_S)
        self._socket.close()
        self._socket = None
        _wait_absent(self.name, self._ended_at)
        self._lock.release()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while (frame := _receive_frame(connection)) is not None:
                answer = self._answer(frame)
                if answer is not None:
                    connection.sendall(len(answer).to_bytes(_LENGTH_BYTES, "big") + answer)
        except (PowerCutError, CardMuteError, ReaderFailureError) as fault:
            # vpcd waits for every answer without end: silence can only be a card that has gone.
            _log.info("%s: %s", self.name, fault)
        except OSError as error:
            _log.info("%s: pcscd hung up: %s", self.name, error.strerror)
        finally:
            _hang_up(connection)
            self._card.power_off()
            self._ended_at = time.monotonic()
            self._ended.set()

    def _answer(self, frame: bytes) -> bytes | None:
        if len(frame) != 1:
            return self._card.transmit(frame)[-_MAX_FRAME_BODY:]
        if frame[0] == Control.ATR:
            return self._card.atr
        if frame[0] == Control.POWER_ON:
            self._card.power_on()
        elif frame[0] == Control.RESET:
            self._card.reset()
        elif frame[0] == Control.POWER_OFF:
            self._card.power_off()
        return None

    def __enter__(self) -> "VirtualReader":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.remove()


def insert(
    card: Card,
    port: int = DEFAULT_PORT,
    host: str = LOOPBACK,
    *,
    slot_wait_s: float = DEFAULT_SLOT_WAIT_S,
    timeout_s: float = DEFAULT_INSERT_TIMEOUT_S,
) -> VirtualReader:
    """Puts a card into a slot and returns once the PC/SC service has noticed it.

    :raises SlotBusyError: another process kept a card in the slot for `slot_wait_s` seconds
    :raises SlotUnavailableError: nothing listens there
    :raises CardNotSeenError: not noticed within `timeout_s` seconds
    """
    reader = VirtualReader(card, port, host, slot_wait_s=slot_wait_s)
    reader.insert()
    try:
        reader.wait_inserted(timeout_s)
    except (CardNotSeenError, TransportError):
        reader.remove()
        raise
    return reader


def _dial(host: str, port: int) -> socket.socket:
    connection = socket.create_connection((host, port), _DIAL_TIMEOUT_S)
    connection.settimeout(None)
    # vpcd writes length and body apart: with Nagle and delayed acknowledgements each APDU would cost 50 ms.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was faster


def _receive_frame(connection: socket.socket) -> bytes | None:
    """The next frame's body, or None at the end of the stream."""
    header = _receive_exactly(connection, _LENGTH_BYTES)
    if header is None:
        return None
    return _receive_exactly(connection, int.from_bytes(header, "big"))


def _receive_exactly(connection: socket.socket, length: int) -> bytes | None:
    received = bytearray()
    while len(received) < length:
        # The kernel drops this setting by itself, hence before every receive.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        part = connection.recv(length - len(received))
        if not part:
            return None
        received += part
    return bytes(received)


def _wait_absent(name: str, ended_at: float) -> None:
    """Waits until pcscd has surely noticed that the card left at `ended_at` (monotonic clock, seconds).

    Ends early when there is no pcscd or no such reader, with a warning when the card stays.
    """
    deadline = time.monotonic() + _ABSENCE_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            pcsc.wait_for_card(name, 0)
        except NoCardError:
            if time.monotonic() >= ended_at + _SETTLING_S:
                return
        except TransportError:
            return
        time.sleep(_POLL_SECONDS)
    _log.warning("%s: the PC/SC service still reports the card that was removed", name)
