"""A connection to the card in a reader."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from smartcard import scard
from smartcard.Exceptions import SmartcardException

from cardio.transport.base import CardRemovedError
from cardio.transport.pcsc.failures import NO_HANDLE, SUCCESS, raise_failure
from cardio.transport.pcsc.pyscardconnection import ServiceConnection
from cardio.transport.pcsc.shapes import PyscardConnectionLike


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
            raise_failure(self._name, error.hresult, while_connected=while_connected)

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
            raise_failure(self._name, error.hresult, while_connected=True)
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

    def transaction(self) -> AbstractContextManager[None]:
        """Keeps other programs off the card, and leaves it as it is: what was proved is theirs too.

        :raises CardResetError: the card was reset by another program since; reconnect and begin again
        :raises CardRemovedError: it was pulled
        """
        return self._transaction(scard.SCARD_LEAVE_CARD)

    def exclusive(self) -> AbstractContextManager[None]:
        """Keeps other programs off the card, and resets it before they get it; wrap SELECT … VERIFY in one.

        The outermost transaction. Only `reset` or `reconnect` goes on after it. Raises as `transaction`.
        """
        return self._transaction(scard.SCARD_RESET_CARD)

    @contextmanager
    def _transaction(self, disposition: int) -> Iterator[None]:
        self._require_open()
        begin, end = _transaction_calls(self._connection)
        with self._mapped(while_connected=True):
            hresult = begin()
        if hresult:
            raise_failure(self._name, hresult, while_connected=True)
        try:
            yield
        finally:
            end(disposition)  # fails only when the card has gone, which the work inside has reported

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
    if isinstance(connection, ServiceConnection):
        connection.disposition = scard.SCARD_RESET_CARD  # pyscard keeps what reconnect was told, for the end


def _transaction_calls(
    connection: PyscardConnectionLike,
) -> tuple[Callable[[], int | None], Callable[[int], int | None]]:
    """The calls that begin a transaction and end it; readers of this process may have none."""
    if isinstance(connection, ServiceConnection):
        return (
            lambda: _begin_transaction(connection.hcard),
            lambda disposition: _end_transaction(connection, disposition),
        )
    return getattr(connection, "lock", _nothing), getattr(connection, "unlock", _nothing)


def _begin_transaction(handle: int | None) -> int:
    """The result code; a lost handle (after a reset that failed) counts as one."""
    return NO_HANDLE if handle is None else int(scard.SCardBeginTransaction(handle))


def _end_transaction(connection: ServiceConnection, disposition: int) -> int:
    handle = connection.hcard
    if handle is None:
        return NO_HANDLE
    result = int(scard.SCardEndTransaction(handle, disposition))
    if disposition == scard.SCARD_RESET_CARD and result == SUCCESS:
        # It is another program's turn: a second reset at the end would only disturb that one.
        connection.disposition = scard.SCARD_LEAVE_CARD
    return result


def _nothing(*_disposition: int) -> None:
    return None
