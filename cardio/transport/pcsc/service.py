"""The PC/SC service of this machine: its readers, their states, the wait for a card."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from smartcard import scard

from cardio.transport.base import NoCardError, ReaderUnavailableError
from cardio.transport.pcsc.failures import HRESULT_MASK, NO_CARD, READER_GONE, SUCCESS, raise_failure
from cardio.transport.pcsc.shapes import ReaderState

_MILLISECONDS = 1000
_SERVICE = "PC/SC"
_LISTINGS_AGAIN = 3
_PRESENT = scard.SCARD_STATE_PRESENT
_MOVEMENTS_SHIFT = 16  # pcsc-lite: the upper half of a state counts insertions and removals


def service_answers() -> bool:
    """Whether a PC/SC service answers on this machine (readers of this process don't count)."""
    try:
        service_readers()
    except ReaderUnavailableError:
        return False
    return True


@contextmanager
def _context() -> Iterator[int]:
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    if result != SUCCESS:
        raise_failure(_SERVICE, result, while_connected=False)
    try:
        yield context
    finally:
        scard.SCardReleaseContext(context)


def service_readers() -> list[str]:
    """The full names of the service's readers.

    :raises ReaderUnavailableError: no service answers
    """
    with _context() as context:
        return _names_in(context)


def _names_in(context: int) -> list[str]:
    result, names = scard.SCardListReaders(context, [])
    if result & HRESULT_MASK == scard.SCARD_E_NO_READERS_AVAILABLE & HRESULT_MASK:
        return []
    if result != SUCCESS:
        raise_failure(_SERVICE, result, while_connected=False)
    return list(names)


def service_states() -> dict[str, ReaderState]:
    """The state of every reader of the service, at once. Raises as `service_readers` does."""
    with _context() as context:
        result, states = _listed_states(context)
        for _ in range(_LISTINGS_AGAIN):
            if result & HRESULT_MASK not in READER_GONE:
                break
            result, states = _listed_states(context)  # one was unplugged since it was listed
    if result != SUCCESS:
        raise_failure(_SERVICE, result, while_connected=False)
    return {
        name: ReaderState(bytes(atr) if state & _PRESENT else None, state >> _MOVEMENTS_SHIFT)
        for name, state, atr in states
    }


def _listed_states(context: int) -> tuple[int, list[tuple[str, int, list[int]]]]:
    """The result of asking all readers that are listed now, and the state of each."""
    names = _names_in(context)
    if not names:
        return SUCCESS, []
    asked = [(name, scard.SCARD_STATE_UNAWARE) for name in names]
    result, states = scard.SCardGetStatusChange(context, 0, asked)
    return int(result), list(states)


def wait_in_service(name: str, timeout_s: float) -> None:
    """Returns once a card is in the reader of this full name.

    :raises NoCardError: none came within `timeout_s` seconds
    :raises ReaderUnavailableError: no service answers, or none any more
    """
    with _context() as context:
        _wait(context, name, timeout_s)


def _wait(context: int, name: str, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    state = scard.SCARD_STATE_UNAWARE
    while True:
        remaining_ms = max(0, round((deadline - time.monotonic()) * _MILLISECONDS))
        result, states = scard.SCardGetStatusChange(context, remaining_ms, [(name, state)])
        if result & HRESULT_MASK == scard.SCARD_E_TIMEOUT & HRESULT_MASK:
            raise NoCardError(name, NO_CARD)
        if result != SUCCESS:
            raise_failure(name, result, while_connected=False)
        state = states[0][1]
        if state & _PRESENT:
            return
