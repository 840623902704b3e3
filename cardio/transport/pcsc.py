"""The one door to PC/SC: nothing else in the project imports `smartcard` (pyscard).

Readers are known by their full names only: names like `Virtual PCD 00 00` and `Virtual PCD 00 01` share every
prefix that a person would type. Readers inside this process (`register_reader`) stand beside those of pcscd
and need no pcscd at all.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn, Protocol

from smartcard import scard
from smartcard.Exceptions import CardConnectionException, NoCardException, SmartcardException
from smartcard.pcsc.PCSCCardConnection import PCSCCardConnection
from smartcard.reader.Reader import Reader as PyscardReader

from cardio.transport.base import (
    CardRemovedError,
    CardResetError,
    NoCardError,
    ReaderBusyError,
    ReaderUnavailableError,
    TransmitError,
    TransportError,
)

__all__ = [
    "CardConnectionException",
    "InProcessReaderLike",
    "NoCardException",
    "PcscConnection",
    "PyscardConnectionLike",
    "PyscardReader",
    "ReaderState",
    "SmartcardException",
    "connect",
    "list_readers",
    "reader_states",
    "register_reader",
    "service_answers",
    "unregister_reader",
    "wait_for_card",
]

_HRESULT_MASK = 0xFFFFFFFF  # pyscard gives signed or unsigned values, by platform
_POLL_SECONDS = 0.02
_MILLISECONDS = 1000
_SERVICE = "PC/SC"
_NO_CARD = "no card in the reader"


def _unsigned(*names: str) -> frozenset[int]:
    return frozenset(getattr(scard, name) & _HRESULT_MASK for name in names)


# winscard.h of pcsc-lite; the comments give the values that come up in practice.
_SERVICE_GONE = _unsigned("SCARD_E_NO_SERVICE", "SCARD_E_SERVICE_STOPPED")  # 8010001D, 8010001E
_READER_GONE = _unsigned("SCARD_E_UNKNOWN_READER", "SCARD_E_READER_UNAVAILABLE")  # 80100009, 80100017
_EMPTY = _unsigned("SCARD_E_NO_SMARTCARD", "SCARD_W_REMOVED_CARD")  # 8010000C, 80100069
_MUTE = _unsigned("SCARD_W_UNRESPONSIVE_CARD", "SCARD_W_UNPOWERED_CARD")  # 80100066, 80100067
_BUSY = _unsigned("SCARD_E_SHARING_VIOLATION")  # 8010000B
_RESET_BY_ANOTHER = _unsigned("SCARD_W_RESET_CARD")  # 80100068
_NO_HANDLE = _HRESULT_MASK  # pyscard's -1: its connection was never made, or was lost in a reset
_HANDLE_GONE = _unsigned("SCARD_E_INVALID_HANDLE") | {_NO_HANDLE}  # 80100003: pcscd was restarted
_PRESENT = scard.SCARD_STATE_PRESENT
_MOVEMENTS_SHIFT = 16  # pcsc-lite: the upper half of a state counts insertions and removals
_SUCCESS = scard.SCARD_S_SUCCESS
_LISTINGS_AGAIN = 3


class PyscardConnectionLike(Protocol):
    """The part of pyscard's `CardConnection` used here; raises pyscard's exceptions.

    A connection of a reader inside this process that takes part in transactions also has `lock()` and
    `unlock()`, as pyscard's own decorators do.
    """

    def connect(self, *, disposition: int) -> None:
        """Powers the card; `disposition` says what `disconnect` does to it."""

    def reconnect(self, *, disposition: int) -> None:
        """Resets the card and goes on with it."""

    def disconnect(self) -> None:
        """Lets the card go."""

    def release(self) -> None:
        """Frees what the connection held."""

    def getATR(self) -> Sequence[int]:  # noqa: N802 - pyscard's name
        """The answer to reset."""
        ...

    def transmit(self, command: list[int]) -> tuple[Sequence[int], int, int]:
        """One command APDU; returns data, SW1, SW2."""
        ...

    def control(self, code: int, command: list[int]) -> Sequence[int]:
        """A request to the reader itself."""
        ...


class InProcessReaderLike(Protocol):
    """A reader inside this process, shaped like pyscard's `Reader`."""

    @property
    def name(self) -> str:
        """The reader's full name, unique among all readers."""
        ...

    def createConnection(self) -> PyscardConnectionLike:  # noqa: N802 - pyscard's name
        """A fresh, unconnected connection."""
        ...

    def presence(self) -> "ReaderState":
        """Whether a card is in, as `reader_states` tells it."""
        ...


@dataclass(frozen=True)
class ReaderState:
    """What a reader says of its slot at one moment."""

    atr: bytes | None
    """The card's answer to reset; None where there is no card."""

    movements: int
    """Counts insertions and removals, up to 65,535 and around: two that differ tell of a change."""


_registered: dict[str, InProcessReaderLike] = {}
_registry_lock = threading.Lock()


def register_reader(reader: InProcessReaderLike) -> None:
    """Adds a reader of this process to those that `list_readers` and `connect` see.

    :raises ValueError: a reader of that name is registered already
    """
    with _registry_lock:
        if reader.name in _registered:
            raise ValueError(f"a reader named {reader.name} is registered already")
        _registered[reader.name] = reader


def unregister_reader(name: str) -> None:
    """Takes a reader of this process away; an unknown name is no error."""
    with _registry_lock:
        _registered.pop(name, None)


def _registered_reader(name: str) -> InProcessReaderLike | None:
    with _registry_lock:
        return _registered.get(name)


def service_answers() -> bool:
    """Whether a PC/SC service answers on this machine (readers of this process don't count)."""
    try:
        _service_readers()
    except ReaderUnavailableError:
        return False
    return True


def list_readers() -> list[str]:
    """The full names of all readers: this process's own first, then those of the PC/SC service.

    :raises ReaderUnavailableError: no PC/SC service answers and this process has no reader of its own
    """
    with _registry_lock:
        own = list(_registered)
    try:
        shared = _service_readers()
    except ReaderUnavailableError:
        if not own:
            raise
        shared = []
    return own + [name for name in shared if name not in own]


@contextmanager
def _context() -> Iterator[int]:
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    if result != _SUCCESS:
        _fail(_SERVICE, result, while_connected=False)
    try:
        yield context
    finally:
        scard.SCardReleaseContext(context)


def _service_readers() -> list[str]:
    with _context() as context:
        return _names_in(context)


def _names_in(context: int) -> list[str]:
    result, names = scard.SCardListReaders(context, [])
    if result & _HRESULT_MASK == scard.SCARD_E_NO_READERS_AVAILABLE & _HRESULT_MASK:
        return []
    if result != _SUCCESS:
        _fail(_SERVICE, result, while_connected=False)
    return list(names)


def _fail(reader: str, hresult: int, *, while_connected: bool) -> NoReturn:
    """Raises the error that a PC/SC result means, before or after the card had been reached."""
    error = _CONNECTED_ERRORS if while_connected else _CONNECTING_ERRORS
    code = hresult & _HRESULT_MASK
    for codes, error_class, detail in error:
        if code in codes:
            raise error_class(reader, detail)
    fallback = TransmitError if while_connected else ReaderUnavailableError
    raise fallback(reader, f"PC/SC error {code:08X}: {scard.SCardGetErrorMessage(hresult)}")


_ErrorTable = tuple[tuple[frozenset[int], type[TransportError], str], ...]
_SHARED_ERRORS: _ErrorTable = (
    (_SERVICE_GONE, ReaderUnavailableError, "no PC/SC service answers; start it (pcscd --foreground)"),
    (_READER_GONE, ReaderUnavailableError, "there is no such reader now; was it unplugged?"),
    (_BUSY, ReaderBusyError, "another program holds the card exclusively"),
)
_CONNECTING_ERRORS: _ErrorTable = (
    *_SHARED_ERRORS,
    (_EMPTY, NoCardError, _NO_CARD),
    (_MUTE, NoCardError, "the card does not answer; is it the right way round?"),
)
_CONNECTED_ERRORS: _ErrorTable = (
    *_SHARED_ERRORS,
    # A card lost in the middle of an APDU: pyscard reports success (0) and an answer without status word.
    (frozenset({0}), CardRemovedError, "the card was removed"),
    (_EMPTY | _MUTE, CardRemovedError, "the card was removed"),
    (_RESET_BY_ANOTHER, CardResetError, "another program reset the card"),
    (_HANDLE_GONE, CardRemovedError, "the PC/SC service dropped the card"),
)


class PcscConnection:
    """A `CardConnection` through PC/SC (or a reader of this process); leaves the card reset when closed."""

    def __init__(self, name: str, connection: PyscardConnectionLike) -> None:
        self._name = name
        self._connection = connection
        self._closed = False
        with self._mapped(while_connected=False):
            connection.connect(disposition=scard.SCARD_RESET_CARD)
            self._atr = bytes(connection.getATR())

    @property
    def name(self) -> str:
        """The reader's full name."""
        return self._name

    @property
    def atr(self) -> bytes:
        """The answer to reset, 2 to 33 bytes."""
        return self._atr

    @contextmanager
    def _mapped(self, *, while_connected: bool) -> Iterator[None]:
        """Turns pyscard's exceptions into this package's."""
        try:
            yield
        except SmartcardException as error:
            _fail(self._name, error.hresult, while_connected=while_connected)

    def _require_open(self) -> None:
        if self._closed:
            raise CardRemovedError(self._name, "the connection is closed")

    def transmit(self, command: bytes) -> bytes:
        """Sends one command APDU; returns the response data and its two status bytes.

        :raises CardRemovedError: pulled
        :raises CardResetError: reset by another program
        :raises TransmitError: the reader did not carry the APDU
        """
        self._require_open()
        try:
            data, sw1, sw2 = self._connection.transmit(list(command))
        except SmartcardException as error:
            _fail(self._name, error.hresult, while_connected=True)
        return bytes(data) + bytes((sw1, sw2))

    def control(self, code: int, request: bytes) -> bytes:
        """A request to the reader itself (its PIN pad); the reader's answer.

        :raises TransmitError: the reader knows no such request
        """
        self._require_open()
        with self._mapped(while_connected=True):
            return bytes(self._connection.control(code, list(request)))

    def reset(self) -> None:
        """Warm-resets the card (also the way back after another program reset it)."""
        self._require_open()
        with self._mapped(while_connected=True):
            self._connection.reconnect(disposition=scard.SCARD_RESET_CARD)

    def reconnect(self) -> None:
        """Takes up whatever card is in the reader now, without a reset.

        :raises CardRemovedError: there is none
        """
        self._require_open()
        with self._mapped(while_connected=True):
            _reconnect_as_it_is(self._connection)
            self._atr = bytes(self._connection.getATR())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keeps other programs off the card; wrap SELECT … VERIFY … SIGN in one.

        :raises CardResetError: the card was reset by another program since; reconnect and begin again
        :raises CardRemovedError: it was pulled
        """
        self._require_open()
        begin, end = _transaction_calls(self._connection)
        with self._mapped(while_connected=True):
            hresult = begin()
        if hresult:
            _fail(self._name, hresult, while_connected=True)
        try:
            yield
        finally:
            end()  # fails only when the card has gone, which the work inside has reported

    def close(self) -> None:
        """Ends the connection; the card is reset. Closing twice is allowed."""
        if self._closed:
            return
        self._closed = True
        for end in (self._connection.disconnect, self._connection.release):
            try:
                end()
            except SmartcardException:
                continue  # the card or the service has gone: there is nothing left to end

    def __enter__(self) -> "PcscConnection":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _reconnect_as_it_is(connection: PyscardConnectionLike) -> None:
    try:
        connection.reconnect(disposition=scard.SCARD_LEAVE_CARD)
    except SmartcardException:  # pyscard drops its handle when there was no card: only a new one helps
        connection.connect(disposition=scard.SCARD_RESET_CARD)
    if isinstance(connection, PCSCCardConnection):
        connection.disposition = scard.SCARD_RESET_CARD  # pyscard keeps what reconnect was told, for the end


def _transaction_calls(
    connection: PyscardConnectionLike,
) -> tuple[Callable[[], int | None], Callable[[], int | None]]:
    """The calls that begin and end a transaction; readers of this process may have none."""
    if isinstance(connection, PCSCCardConnection):
        return (
            lambda: _begin_transaction(connection.hcard),
            lambda: _end_transaction(connection.hcard),
        )
    return getattr(connection, "lock", _nothing), getattr(connection, "unlock", _nothing)


def _begin_transaction(handle: int | None) -> int:
    """The result code; a lost handle (after a reset that failed) counts as one."""
    return _NO_HANDLE if handle is None else int(scard.SCardBeginTransaction(handle))


def _end_transaction(handle: int | None) -> int:
    return _NO_HANDLE if handle is None else int(scard.SCardEndTransaction(handle, scard.SCARD_LEAVE_CARD))


def _nothing() -> None:
    return None


def connect(name: str) -> PcscConnection:
    """Connects to the card in the reader of this full name, sharing it with other programs.

    :raises ReaderUnavailableError: no service, or no reader of exactly this name (the text lists the readers)
    :raises NoCardError: the reader is empty
    :raises ReaderBusyError: another program holds the card exclusively
    """
    reader = _registered_reader(name)
    if reader is not None:
        return PcscConnection(name, reader.createConnection())
    _require_known(name)
    try:
        connection = PCSCCardConnection(name)
    except SmartcardException as error:
        _fail(name, error.hresult, while_connected=False)
    try:
        return PcscConnection(name, connection)
    except TransportError:
        connection.release()
        raise


def reader_states() -> dict[str, ReaderState]:
    """The state of every reader, of this process and of the PC/SC service, at once.

    :raises ReaderUnavailableError: no PC/SC service answers and this process has no reader of its own
    """
    with _registry_lock:
        own = {name: reader.presence() for name, reader in _registered.items()}
    try:
        with _context() as context:
            return own | _service_states(context)
    except ReaderUnavailableError:
        if not own:
            raise
        return own


def _service_states(context: int) -> dict[str, ReaderState]:
    result, states = _listed_states(context)
    for _ in range(_LISTINGS_AGAIN):
        if result & _HRESULT_MASK not in _READER_GONE:
            break
        result, states = _listed_states(context)  # one was unplugged since it was listed
    if result != _SUCCESS:
        _fail(_SERVICE, result, while_connected=False)
    return {
        name: ReaderState(bytes(atr) if state & _PRESENT else None, state >> _MOVEMENTS_SHIFT)
        for name, state, atr in states
    }


def _listed_states(context: int) -> tuple[int, list[tuple[str, int, list[int]]]]:
    """The result of asking all readers that are listed now, and the state of each."""
    names = _names_in(context)
    if not names:
        return _SUCCESS, []
    result, states = scard.SCardGetStatusChange(
        context, 0, [(name, scard.SCARD_STATE_UNAWARE) for name in names]
    )
    return int(result), list(states)


def _require_known(name: str) -> None:
    names = list_readers()
    if name in names:
        return
    alike = [known for known in names if name and known.startswith(name)]
    if alike:
        raise ReaderUnavailableError(name, "not a reader's full name; it could be: " + ", ".join(alike))
    raise ReaderUnavailableError(
        name, "no such reader; connected are: " + ", ".join(names) if names else "no reader is connected"
    )


def wait_for_card(name: str, timeout_s: float) -> None:
    """Returns once a card is in the reader of this full name.

    :raises NoCardError: none came within `timeout_s` seconds
    :raises ReaderUnavailableError: no service, or no reader of exactly this name
    """
    if _registered_reader(name) is not None:
        _wait_in_process(name, timeout_s)
        return
    _require_known(name)
    with _context() as context:
        _wait_in_service(context, name, timeout_s)


def _wait_in_process(name: str, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not _card_in_process(name):
        if time.monotonic() >= deadline:
            raise NoCardError(name, _NO_CARD)
        time.sleep(_POLL_SECONDS)


def _card_in_process(name: str) -> bool:
    """Looks without resetting the card: another connection may be at work with it."""
    reader = _registered_reader(name)
    if reader is None:
        raise ReaderUnavailableError(name, "the reader was taken away")
    connection = reader.createConnection()
    try:
        connection.connect(disposition=scard.SCARD_LEAVE_CARD)
    except SmartcardException:
        return False
    connection.disconnect()
    return True


def _wait_in_service(context: int, name: str, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    state = scard.SCARD_STATE_UNAWARE
    while True:
        remaining_ms = max(0, round((deadline - time.monotonic()) * _MILLISECONDS))
        result, states = scard.SCardGetStatusChange(context, remaining_ms, [(name, state)])
        if result & _HRESULT_MASK == scard.SCARD_E_TIMEOUT & _HRESULT_MASK:
            raise NoCardError(name, _NO_CARD)
        if result != _SUCCESS:
            _fail(name, result, while_connected=False)
        state = states[0][1]
        if state & _PRESENT:
            return
