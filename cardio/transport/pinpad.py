"""PIN pads on readers (PC/SC part 10, revision 2.02.09): the PIN goes from the keys to the card, past us."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Protocol, TypeAlias, runtime_checkable

from cardio.apdu import STATUS_BYTES, SW
from cardio.errors import CardError, UnexpectedAnswerError
from cardio.transport.base import CardConnection, TransmitError, TransportError

# Readers whose drivers pass no requests on (PC/SC part 10, supplement 2.02.02, 2.3): P2 is the feature.
_PSEUDO_APDU = bytes.fromhex("FFC201")
_GET_FEATURES_BY_APDU = bytes.fromhex("FFC2010000")
_CONTROL_BASE = 0x4200_0000  # SCARD_CTL_CODE of pcsc-lite (reader.h)
GET_FEATURE_REQUEST = _CONTROL_BASE + 3400
_FEATURE_LENGTH = 4
_MAX_FEATURES = 64

_TIMEOUT_S = 30
_ASCII_LEFT_BYTES = 0x82  # bmFormatString: ASCII digits, left justified, offsets in bytes
_NO_LENGTH_IN_COMMAND = 0x00  # bmPINLengthFormat
_ENTER_ENDS = 0x02  # bEntryValidationCondition
_CONFIRM = 0x01  # bConfirmPIN
_CONFIRM_AND_ASK_CURRENT = 0x03
_ENGLISH = 0x0409  # wLangId; pads know few languages, and most know this one
_NO_PROLOGUE = bytes(3)
_VERIFY = struct.Struct("<BBBBBHBBHB3sI")
_MODIFY = struct.Struct("<BBBBBBBHBBBHBBB3sI")

_TIMED_OUT, _CANCELLED, _NOT_CONFIRMED, _WRONG_LENGTH = 0x6400, 0x6401, 0x6402, 0x6403


class PinEntryError(CardError):
    """The holder did not type a PIN at the reader's pad: no try was used. `reason` says what happened."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"no PIN was entered at the reader: {reason}")
        self.reason = reason


_NOT_ENTERED = {
    _TIMED_OUT: "it took too long",
    _CANCELLED: "it was cancelled",
    _NOT_CONFIRMED: "the two new PINs differ",
    _WRONG_LENGTH: "too few or too many digits",
}


@unique
class Feature(IntEnum):
    """Features of readers (table 2.3)."""

    VERIFY_PIN_DIRECT = 0x06
    MODIFY_PIN_DIRECT = 0x07


@runtime_checkable
class ControllableConnection(Protocol):
    """A connection whose reader takes requests of its own."""

    def control(self, code: int, request: bytes) -> bytes:
        """The reader's answer. Raises a TransportError where it knows no such request."""
        ...


@dataclass(frozen=True)
class PinFormat:
    """A PIN field: `length` bytes that the command has filled already, `least` to `most` digits."""

    length: int
    least: int
    most: int


Perform: TypeAlias = Callable[[Feature, bytes], bytes]
"""Has the reader do what a feature is; its answer."""


class PinPad:
    """The pad of a reader that has one; `find` tells."""

    def __init__(self, perform: Perform) -> None:
        self._perform = perform

    @staticmethod
    def find(connection: CardConnection) -> "PinPad | None":
        """The pad of the reader, or None: no such feature, or one that can verify and not change."""
        try:
            perform = _by_control(connection) or _by_pseudo_apdu(connection)
        except TransportError:
            return None
        return None if perform is None else PinPad(perform)

    def verify(self, command: bytes, form: PinFormat) -> int:
        """Has the holder type a PIN into the data field of `command`; the card's status word.

        :raises PinEntryError: cancelled, too late, or not as many digits as a PIN has
        :raises TransportError: the card could not be reached
        """
        request = _VERIFY.pack(
            _TIMEOUT_S,
            _TIMEOUT_S,
            _ASCII_LEFT_BYTES,
            form.length,
            _NO_LENGTH_IN_COMMAND,
            form.least << 8 | form.most,
            _ENTER_ENDS,
            1,
            _ENGLISH,
            0,
            _NO_PROLOGUE,
            len(command),
        )
        return self._ask(Feature.VERIFY_PIN_DIRECT, request + command)

    def change(self, command: bytes, form: PinFormat) -> int:
        """Has the holder type the PIN until now (or the PUK) and, twice, a new one; both fill the data field.

        Raises as `verify` does.
        """
        return self._modify(command, form, _CONFIRM_AND_ASK_CURRENT, prompts=3)

    def replace(self, command: bytes, form: PinFormat) -> int:
        """As `change`, with the PIN until now in `command` already: only the new one is typed, twice."""
        return self._modify(command, form, _CONFIRM, prompts=2)

    def _modify(self, command: bytes, form: PinFormat, confirm: int, prompts: int) -> int:
        request = _MODIFY.pack(
            _TIMEOUT_S,
            _TIMEOUT_S,
            _ASCII_LEFT_BYTES,
            form.length,
            _NO_LENGTH_IN_COMMAND,
            0,
            form.length,
            form.least << 8 | form.most,
            confirm,
            _ENTER_ENDS,
            prompts,
            _ENGLISH,
            0,
            1,
            2,
            _NO_PROLOGUE,
            len(command),
        )
        return self._ask(Feature.MODIFY_PIN_DIRECT, request + command)

    def _ask(self, feature: Feature, request: bytes) -> int:
        answer = self._perform(feature, request)
        if len(answer) != 2:  # noqa: PLR2004 - a status word
            raise UnexpectedAnswerError(f"the PIN pad answered {len(answer)} bytes")
        sw = int.from_bytes(answer, "big")
        if sw in _NOT_ENTERED:
            raise PinEntryError(_NOT_ENTERED[sw])
        return sw


def _by_control(connection: CardConnection) -> Perform | None:
    if not isinstance(connection, ControllableConnection):
        return None
    try:
        codes = _features(connection.control(GET_FEATURE_REQUEST, b""))
    except TransmitError:  # no requests at all
        return None
    if not codes.keys() >= set(Feature):
        return None
    return lambda feature, request: connection.control(codes[feature], request)


def _by_pseudo_apdu(connection: CardConnection) -> Perform | None:
    """Where there is no such reader the card gets this command, and refuses the class (6E00)."""
    answer = connection.transmit(_GET_FEATURES_BY_APDU)
    features, status = answer[:-STATUS_BYTES], answer[-STATUS_BYTES:]
    if status != SW.NO_FURTHER_QUALIFICATION.to_bytes(STATUS_BYTES, "big") or not set(features) >= set(
        Feature
    ):
        return None
    return lambda feature, request: connection.transmit(
        _PSEUDO_APDU + bytes((feature, len(request))) + request
    )


def _features(answer: bytes) -> dict[int, int]:
    """Control codes by feature; what is no list of features has none."""
    codes: dict[int, int] = {}
    step = 2 + _FEATURE_LENGTH
    for start in range(0, min(len(answer), _MAX_FEATURES * step), step):
        entry = answer[start : start + step]
        if len(entry) != step or entry[1] != _FEATURE_LENGTH:
            return {}
        codes[entry[0]] = int.from_bytes(entry[2:], "big")
    return codes
