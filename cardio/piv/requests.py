"""Commands to a PIV application as values: what is sent, what its answer means, what its refusal means.

So several can travel together to a card that is far away (`PivSession.perform_all`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cryptography.hazmat.primitives.hashes import HashAlgorithm

from cardio.apdu import INS, MAX_EXTENDED_LE, MAX_SHORT_LE, P1_P2_CURRENT_APPLICATION, SW, CommandApdu
from cardio.errors import (
    ApduError,
    CardError,
    CardFullError,
    KeyNotFoundError,
    ManagementKeyRequiredError,
    ObjectNotFoundError,
    PinRequiredError,
    TransportPinError,
    UnexpectedAnswerError,
)
from cardio.piv.identifiers import AuthTag, DataTag, Reference
from cardio.piv.objects import ObjectId, encode_certificate
from cardio.piv.pin import pin_block
from cardio.piv.references import refusal
from cardio.piv.signing import check_signature, signature_input
from cardio.piv.slots import PublicKey, Slot, algorithm_of
from cardio.tlv import Tlv, TlvError, values_by_tag

T_co = TypeVar("T_co", covariant=True)

Causes = Callable[[], Mapping[int, CardError]]


@dataclass(frozen=True)
class Request(Generic[T_co]):
    """One command."""

    command: CommandApdu
    parse: Callable[[bytes], T_co] = field(repr=False)
    """What its answer means; raises a CardError."""
    refusal: Callable[[ApduError], CardError] = field(repr=False)
    """What it means that the card answered anything but 9000."""


def causes(known: Causes) -> Callable[[ApduError], CardError]:
    """A refusal by status word; any other stays what it is."""
    return lambda error: known().get(error.sw, error)


def verify_pin(pin: str) -> Request[None]:
    """See `PivSession.verify_pin`. Raises MalformedPinError."""
    command = CommandApdu(0, INS.VERIFY, 0, Reference.PIN, pin_block(pin))
    return Request(command, _nothing, lambda error: refusal(error, Reference.PIN))


def get_object(object_id: ObjectId) -> Request[bytes]:
    """See `PivSession.get_object`."""
    tags = Tlv(DataTag.TAG_LIST, object_id.tag_bytes()).encode()
    command = CommandApdu(0, INS.GET_DATA, *P1_P2_CURRENT_APPLICATION, tags, MAX_EXTENDED_LE)
    return Request(
        command, lambda answer: _content(object_id, answer), causes(lambda: _reading_causes(object_id))
    )


def put_object(object_id: ObjectId, data: bytes) -> Request[None]:
    """See `PivSession.put_object`."""
    name = Tlv(DataTag.TAG_LIST, object_id.tag_bytes()).encode()
    content = name + Tlv(_container(object_id), data).encode()
    command = CommandApdu(0, INS.PUT_DATA, *P1_P2_CURRENT_APPLICATION, content)

    def known() -> dict[int, CardError]:
        full = CardFullError(object_id, len(data))
        return {**management_required(INS.PUT_DATA), SW.NOT_ENOUGH_MEMORY: full}

    return Request(command, _nothing, causes(known))


def put_certificate(slot: Slot, der: bytes) -> Request[None]:
    """See `PivSession.put_certificate`."""
    return put_object(slot.certificate_object, encode_certificate(der))


def sign(slot: Slot, public_key: PublicKey, message: bytes, algorithm: HashAlgorithm) -> Request[bytes]:
    """See `PivSession.sign`. Raises UnsupportedKeyError."""
    challenge = signature_input(public_key, message, algorithm)
    template = Tlv(AuthTag.RESPONSE, b"").encode() + Tlv(AuthTag.CHALLENGE, challenge).encode()
    data = Tlv(AuthTag.TEMPLATE, template).encode()
    command = CommandApdu(0, INS.GENERAL_AUTHENTICATE, algorithm_of(public_key), slot, data, MAX_SHORT_LE)

    def checked(answer: bytes) -> bytes:
        signature = _response(answer)
        check_signature(public_key, signature, message, algorithm)
        return signature

    return Request(command, checked, causes(lambda: _signing_causes(slot)))


def _nothing(_answer: bytes) -> None:
    return None


def _content(object_id: ObjectId, answer: bytes) -> bytes:
    content = unpack(_container(object_id), answer)
    if not content:
        raise _absent(object_id)
    return content


def _response(answer: bytes) -> bytes:
    """The response in a dynamic authentication template."""
    try:
        return values_by_tag(unpack(AuthTag.TEMPLATE, answer))[AuthTag.RESPONSE]
    except (TlvError, KeyError) as error:
        raise UnexpectedAnswerError("no response in the authentication template") from error


def unpack(tag: int, answer: bytes) -> bytes:
    """The value under that one tag. Raises UnexpectedAnswerError."""
    try:
        return Tlv.unpack(tag, answer)
    except TlvError as error:
        raise UnexpectedAnswerError(str(error)) from error


def _container(object_id: ObjectId) -> int:
    """The tag around an object's content: 53, but Discovery stands by itself (part 2, 3.1.2)."""
    return object_id if object_id == ObjectId.DISCOVERY else DataTag.DATA


def management_required(ins: INS) -> dict[int, CardError]:
    """What 6982 means to a command of the card's administration."""
    return {SW.SECURITY_STATUS_NOT_SATISFIED: ManagementKeyRequiredError(ins)}


def _absent(object_id: ObjectId) -> ObjectNotFoundError:
    return ObjectNotFoundError(object_id, object_id.title)


def _reading_causes(object_id: ObjectId) -> dict[int, CardError]:
    return {
        SW.FILE_NOT_FOUND: _absent(object_id),
        SW.REFERENCED_DATA_NOT_FOUND: _absent(object_id),
        SW.SECURITY_STATUS_NOT_SATISFIED: PinRequiredError(INS.GET_DATA),
    }


def _signing_causes(slot: Slot) -> dict[int, CardError]:
    no_key = KeyNotFoundError(slot)
    return {
        SW.SECURITY_STATUS_NOT_SATISFIED: PinRequiredError(INS.GENERAL_AUTHENTICATE),
        SW.CONDITIONS_NOT_SATISFIED: TransportPinError(),
        SW.REFERENCED_DATA_NOT_FOUND: no_key,
        SW.INCORRECT_P1_P2: no_key,
    }
