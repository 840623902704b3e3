"""Readers by their full names, those of this process first, then those of the PC/SC service."""

import time

from smartcard import scard
from smartcard.Exceptions import SmartcardException

from cardio.transport.base import NoCardError, ReaderUnavailableError, TransportError
from cardio.transport.pcsc.connection import PcscConnection
from cardio.transport.pcsc.failures import NO_CARD, raise_failure
from cardio.transport.pcsc.pyscardconnection import ServiceConnection
from cardio.transport.pcsc.registry import registered_names, registered_reader, registered_states
from cardio.transport.pcsc.service import service_readers, service_states, wait_in_service
from cardio.transport.pcsc.shapes import ReaderState

_POLL_SECONDS = 0.02


def list_readers() -> list[str]:
    """The full names of all readers: this process's own first, then those of the PC/SC service.

    :raises ReaderUnavailableError: no PC/SC service answers and this process has no reader of its own
    """
    own = registered_names()
    try:
        shared = service_readers()
    except ReaderUnavailableError:
        if not own:
            raise
        shared = []
    return own + [name for name in shared if name not in own]


def connect(name: str) -> PcscConnection:
    """Connects to the card in the reader of this full name, sharing it with other programs.

    :raises ReaderUnavailableError: no service, or no reader of exactly this name (the text lists the readers)
    :raises NoCardError: the reader is empty
    :raises ReaderBusyError: another program holds the card exclusively
    """
    reader = registered_reader(name)
    if reader is not None:
        return PcscConnection(name, reader.createConnection())
    _require_known(name)
    try:
        connection = ServiceConnection(name)
    except SmartcardException as error:
        raise_failure(name, error.hresult, while_connected=False)
    try:
        return PcscConnection(name, connection)
    except TransportError:
        connection.release()
        raise


def reader_states() -> dict[str, ReaderState]:
    """The state of every reader, of this process and of the PC/SC service, at once.

    :raises ReaderUnavailableError: no PC/SC service answers and this process has no reader of its own
    """
    own = registered_states()
    try:
        return own | service_states()
    except ReaderUnavailableError:
        if not own:
            raise
        return own


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
    if registered_reader(name) is not None:
        _wait_in_process(name, timeout_s)
        return
    _require_known(name)
    wait_in_service(name, timeout_s)


def _wait_in_process(name: str, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not _card_in_process(name):
        if time.monotonic() >= deadline:
            raise NoCardError(name, NO_CARD)
        time.sleep(_POLL_SECONDS)


def _card_in_process(name: str) -> bool:
    """Looks without resetting the card: another connection may be at work with it."""
    reader = registered_reader(name)
    if reader is None:
        raise ReaderUnavailableError(name, "the reader was taken away")
    connection = reader.createConnection()
    try:
        connection.connect(disposition=scard.SCARD_LEAVE_CARD)
    except SmartcardException:
        return False
    connection.disconnect()
    return True
