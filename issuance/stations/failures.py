"""A station's failures as the errors that a local reader raises."""

from cardio.errors import UnexpectedAnswerError
from cardio.station.wire import Failure, FailureKind
from cardio.transport.base import (
    CardRemovedError,
    NoCardError,
    ReaderBusyError,
    ReaderUnavailableError,
    TransmitError,
    TransportError,
)
from issuance.production.errors import WrongCardError

_TRANSPORT: dict[FailureKind, type[TransportError]] = {
    FailureKind.READER_UNAVAILABLE: ReaderUnavailableError,
    FailureKind.NO_CARD: NoCardError,
    FailureKind.READER_BUSY: ReaderBusyError,
    FailureKind.NOT_TRANSMITTED: TransmitError,
    FailureKind.CARD_REMOVED: CardRemovedError,
}


def failure_at(reader: str, failure: Failure, expected: str | None = None) -> Exception:
    """The error. What a station refuses or breaks off leaves the card as it was: the run can go on."""
    if failure.kind is FailureKind.WRONG_CARD and expected is not None:
        return WrongCardError(expected, None)
    if failure.kind is FailureKind.CARD:
        return UnexpectedAnswerError(failure.detail)
    return _TRANSPORT.get(failure.kind, TransmitError)(reader, failure.detail)
