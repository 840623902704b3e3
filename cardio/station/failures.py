"""What went wrong at a station, as the hub is told of it: a kind, and a line for people."""

from cardio.cli.common import shown
from cardio.station.errors import RefusedCommandError, WrongCardError
from cardio.station.wire import MAX_DETAIL, Failure, FailureKind
from cardio.transport.base import (
    CardRemovedError,
    NoCardError,
    ReaderBusyError,
    ReaderUnavailableError,
    TransmitError,
)
from cardio.transport.pinpad import PinEntryError

_KINDS: tuple[tuple[type[Exception], FailureKind], ...] = (
    (ReaderUnavailableError, FailureKind.READER_UNAVAILABLE),
    (NoCardError, FailureKind.NO_CARD),
    (ReaderBusyError, FailureKind.READER_BUSY),
    (TransmitError, FailureKind.NOT_TRANSMITTED),
    (CardRemovedError, FailureKind.CARD_REMOVED),
    (WrongCardError, FailureKind.WRONG_CARD),
    (RefusedCommandError, FailureKind.REFUSED),
    (PinEntryError, FailureKind.PIN_NOT_ENTERED),
)


def failure_of(error: Exception) -> Failure:
    """The failure that an error of `cardio` is."""
    kind = next((kind for of, kind in _KINDS if isinstance(error, of)), FailureKind.CARD)
    return Failure(kind=kind, detail=shown(str(error))[:MAX_DETAIL])
