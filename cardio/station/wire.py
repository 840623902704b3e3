"""The messages between a station and the registry's hub (docs/stations.md): JSON, one object a frame.

Every message has a `type`. A job is one card in one reader: opened, asked, closed. Its requests are numbered
from 1; each is answered once before the next may come.
"""

from enum import StrEnum, unique
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from cardio.apdu import HEADER_BYTES, MAX_EXTENDED_DATA, MAX_EXTENDED_LE, STATUS_BYTES
from cardio.station.errors import WireError
from cardio.station.handovercontent import CHALLENGE_BYTES
from cardio.station.requestinfo import MAX_REQUEST_INFO

T = TypeVar("T")

SUBPROTOCOL = "hoviat.station.1"
"""The version of all this, agreed on in the opening handshake (RFC 6455 §1.9)."""
MAX_FRAME_BYTES = 256 * 1024
MAX_READERS = 16
MAX_BATCH = 16
"""Commands in one message."""
MAX_COMMAND_BYTES = 100_000
"""Of all commands in one message."""
MAX_ANSWER_BYTES = 150_000
"""Of all answers in one message."""
MAX_READER_NAME = 128
MAX_DETAIL = 200
_MAX_MOVEMENTS = 0xFFFF
_MAX_ATR = 33  # ISO/IEC 7816-3, 8.2.1
_MAX_SIGNATURE = 512
_LONGEST_COMMAND = HEADER_BYTES + 3 + MAX_EXTENDED_DATA + 2
_LONGEST_ANSWER = MAX_EXTENDED_LE + STATUS_BYTES

_HIDDEN = r"\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
_PRINTABLE = rf"^[^\x00-\x1f\x7f-\x9f{_HIDDEN}]*$"
"""Nothing that moves or hides what stands beside it (UAX #9, UTS #55): it goes into logs and pages."""

_Job = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{16}$")]
_Number = Annotated[int, Field(ge=1, le=1_000_000)]
_Card = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,10}$")]
_Pin = Annotated[str, StringConstraints(pattern=r"^[0-9]{6,8}$")]
_ReaderName = Annotated[str, StringConstraints(min_length=1, max_length=MAX_READER_NAME, pattern=_PRINTABLE)]
_Detail = Annotated[str, StringConstraints(max_length=MAX_DETAIL, pattern=_PRINTABLE)]
_Atr = Annotated[bytes, Field(max_length=_MAX_ATR)]
_Command = Annotated[bytes, Field(min_length=HEADER_BYTES, max_length=_LONGEST_COMMAND)]
_Answer = Annotated[bytes, Field(min_length=STATUS_BYTES, max_length=_LONGEST_ANSWER)]


def _at_most(most: int) -> AfterValidator:
    def check(parts: tuple[bytes, ...]) -> tuple[bytes, ...]:
        if sum(map(len, parts)) > most:
            raise ValueError("too long together")
        return parts

    return AfterValidator(check)


class _Part(BaseModel):
    """All the fields and no others, each of its own type."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, ser_json_bytes="base64", val_json_bytes="base64"
    )


class Reader(_Part):
    """A reader of the station, as `pcsc.reader_states` tells it."""

    name: _ReaderName
    atr: _Atr | None
    movements: Annotated[int, Field(ge=0, le=_MAX_MOVEMENTS)]


_Readers = Annotated[tuple[Reader, ...], Field(max_length=MAX_READERS)]


@unique
class FailureKind(StrEnum):
    """Why something was not done."""

    READER_UNAVAILABLE = "reader-unavailable"
    NO_CARD = "no-card"
    READER_BUSY = "reader-busy"
    NOT_TRANSMITTED = "not-transmitted"
    CARD_REMOVED = "card-removed"
    WRONG_CARD = "wrong-card"
    REFUSED = "refused"
    """The station carries no such command."""
    PIN_NOT_ENTERED = "pin-not-entered"
    CARD = "card"
    """The card said something that can't be, or no."""
    FAULT = "fault"
    """The station's own."""


@unique
class KeySlot(StrEnum):
    """Whose keys sign certification requests."""

    AUTHENTICATION = "9A"
    SIGNATURE = "9C"


class Failure(_Part):
    """What went wrong; `detail` for people."""

    kind: FailureKind
    detail: _Detail


# From the station


class Hello(_Part):
    """The station's first message."""

    type: Literal["hello"] = "hello"
    agent: _Detail
    readers: _Readers


class ReadersChanged(_Part):
    """A reader or a card came or went; all there are."""

    type: Literal["readers"] = "readers"
    readers: _Readers


class Opened(_Part):
    """The job's card is powered, and nobody else's; `card` is its number, where it tells one."""

    type: Literal["opened"] = "opened"
    job: _Job
    atr: _Atr
    card: _Card | None


class Refused(_Part):
    """There is no such job: it could not be opened, or it broke off."""

    type: Literal["refused"] = "refused"
    job: _Job
    failure: Failure


class Answered(_Part):
    """The card's answers to the first commands of a request; `failure` ended it before the next."""

    type: Literal["answered"] = "answered"
    job: _Job
    number: _Number
    answers: Annotated[
        tuple[_Answer, ...], Field(max_length=MAX_BATCH, repr=False), _at_most(MAX_ANSWER_BYTES)
    ]
    failure: Failure | None


class Signed(_Part):
    """The holder has typed their PIN, and the card has signed what it was asked to."""

    type: Literal["signed"] = "signed"
    job: _Job
    number: _Number
    signature: Annotated[bytes, Field(min_length=1, max_length=_MAX_SIGNATURE, repr=False)]


# From the hub


class Open(_Part):
    """Powers the card in a reader for one operator's work; for that card alone where one is named."""

    type: Literal["open"] = "open"
    job: _Job
    reader: _ReaderName
    operator: _Detail
    card: _Card | None


class Send(_Part):
    """Commands for the card, one after the other up to the first that isn't answered 9000."""

    type: Literal["send"] = "send"
    job: _Job
    number: _Number
    commands: Annotated[
        tuple[_Command, ...],
        Field(min_length=1, max_length=MAX_BATCH, repr=False),
        _at_most(MAX_COMMAND_BYTES),
    ]


class Reset(_Part):
    """A warm reset; answered by `answered` without answers."""

    type: Literal["reset"] = "reset"
    job: _Job
    number: _Number


class Accept(_Part):
    """The holder replaces the transport PIN at the station, and key 9A signs that (`handovercontent`).

    Answered by `signed`, or by `answered` with a failure.
    """

    type: Literal["accept"] = "accept"
    job: _Job
    number: _Number
    transport_pin: Annotated[_Pin, Field(repr=False)]
    challenge: Annotated[bytes, Field(min_length=CHALLENGE_BYTES, max_length=CHALLENGE_BYTES, repr=False)]


class Prove(_Part):
    """The holder types their PIN, and the slot's key signs the content: a CertificationRequestInfo.

    One about the job's card and the key that is in the slot (`cardio.station.requestinfo`), and nothing else.
    Answered by `signed`, or by `answered` with a failure.
    """

    type: Literal["prove"] = "prove"
    job: _Job
    number: _Number
    slot: KeySlot
    content: Annotated[bytes, Field(min_length=1, max_length=MAX_REQUEST_INFO, repr=False)]


class Close(_Part):
    """The job is over; it gets no answer."""

    type: Literal["close"] = "close"
    job: _Job


StationMessage: TypeAlias = Hello | ReadersChanged | Opened | Refused | Answered | Signed
HubMessage: TypeAlias = Open | Send | Reset | Accept | Prove | Close
Request: TypeAlias = Send | Reset | Accept | Prove
Message: TypeAlias = StationMessage | HubMessage

_from_station: TypeAdapter[StationMessage] = TypeAdapter(
    Annotated[StationMessage, Field(discriminator="type")]
)
_from_hub: TypeAdapter[HubMessage] = TypeAdapter(Annotated[HubMessage, Field(discriminator="type")])


def encode(message: Message) -> str:
    """The frame's text."""
    return message.model_dump_json()


def decode_from_station(frame: str | bytes) -> StationMessage:
    """What a station sent. Raises WireError."""
    return _decode(_from_station, frame)


def decode_from_hub(frame: str | bytes) -> HubMessage:
    """What the hub sent. Raises WireError."""
    return _decode(_from_hub, frame)


def _decode(of: TypeAdapter[T], frame: str | bytes) -> T:
    if not isinstance(frame, str) or len(frame) > MAX_FRAME_BYTES:
        raise WireError("binary, or too long")
    try:
        return of.validate_json(frame)
    except ValidationError:  # holds what was sent
        raise WireError("none of this protocol") from None
