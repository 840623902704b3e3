"""One conversation with a PIV application: the card's commands as methods, its status words as errors."""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from cryptography.hazmat.primitives.hashes import HashAlgorithm

from cardio.apdu import INS, MAX_SHORT_LE, P1_SELECT_BY_NAME, SW, CommandApdu, ResponseApdu
from cardio.channel import SHORT_APDUS, ApduPolicy, CardChannel
from cardio.errors import (
    ApduError,
    ApplicationNotFoundError,
    CardError,
    KeyNotFoundError,
    UnexpectedAnswerError,
    UnsupportedKeyError,
)
from cardio.piv import management, requests
from cardio.piv.certificates import certificate_key
from cardio.piv.identifiers import P1_P2_NO_TOUCH, PIV_AID, KeyTag, Reference
from cardio.piv.metadata import parse_key_metadata
from cardio.piv.objects import Ccc, Chuid, ObjectId, PrintedInformation, encode_certificate, parse_certificate
from cardio.piv.publickey import parse_public_key
from cardio.piv.references import PinStatus, References
from cardio.piv.requests import Request, management_required
from cardio.piv.slots import ASYMMETRIC_ALGORITHMS, Algorithm, PublicKey, Slot
from cardio.tlv import Tlv
from cardio.transport.base import CardConnection
from cardio.transport.pinpad import PinEntryError, PinPad

_SERIAL_BYTES = 4
_VERSION_BYTES = 3
T = TypeVar("T")


class PivSession:
    """Selects the PIV application and speaks with it; the connection stays its owner's to close.

    Every method may also raise `TransportError`. After `CardRemovedError` nothing is known of the last
    command; reconnect and make a new session.

    :raises ApplicationNotFoundError: the card has no PIV application
    """

    def __init__(
        self,
        connection: CardConnection,
        policy: ApduPolicy = SHORT_APDUS,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.channel = CardChannel(connection, policy)
        self._random_bytes = random_bytes
        self._references = References(self.channel)
        self._select()

    @classmethod
    def open(cls, connection: CardConnection) -> "PivSession":
        """As the constructor, with the defaults."""
        return cls(connection)

    @property
    def apdu_count(self) -> int:
        """APDUs exchanged in this session so far."""
        return self.channel.apdu_count

    def _select(self) -> None:
        command = CommandApdu(0, INS.SELECT, P1_SELECT_BY_NAME, 0, PIV_AID, MAX_SHORT_LE)
        absent = (SW.FILE_NOT_FOUND, SW.INSTRUCTION_NOT_SUPPORTED, SW.CLASS_NOT_SUPPORTED)
        self._send(command, lambda: dict.fromkeys(absent, ApplicationNotFoundError("PIV", PIV_AID)))

    def reset(self) -> None:
        """Resets the card and selects again: PIN and management key must be given anew.

        A secure channel ends, and has to be opened again before any other command.
        """
        self.channel.reset()
        self._select()

    def _send(self, command: CommandApdu, causes: requests.Causes = dict) -> bytes:
        """Sends a command; a status word in what `causes` gives raises that error, any other ApduError."""
        return self._perform(Request(command, bytes, requests.causes(causes)))

    def _perform(self, request: Request[T]) -> T:
        response = self.channel.exchange(request.command)
        return _meaning(request, response)

    def perform_all(self, wanted: Sequence[Request[T]]) -> list[T]:
        """Performs requests in their order, and together where the card is far away; ends with a refusal.

        Raises what each of them raises. The answers of those before it are not looked at then.
        """
        responses = self.channel.exchange_all([request.command for request in wanted])
        last = responses[-1] if responses else None
        if last is not None and last.sw != SW.NO_FURTHER_QUALIFICATION:
            _meaning(wanted[len(responses) - 1], last)
        return [_meaning(request, response) for request, response in zip(wanted, responses, strict=True)]

    # PIN and PUK

    def pin_status(self) -> PinStatus:
        """Whether the PIN is verified, else the tries left. Costs no try."""
        return self._references.pin_status()

    def pin_tries_left(self) -> int:
        """Tries left, 0 when blocked. Costs none; logs a verified PIN out, as the card won't tell else."""
        status = self._references.pin_status()
        if status.verified:
            self._references.log_out()
            status = self._references.pin_status()
        if status.tries_left is None:
            raise UnexpectedAnswerError("the card says that the PIN is verified after it was logged out")
        return status.tries_left

    def verify_pin(self, pin: str) -> None:
        """Gives the PIN; it holds until a reset or another SELECT (for slot 9C, for the next command only).

        :raises MalformedPinError: not 6 to 8 digits; not sent, no try used
        :raises InvalidPinError: wrong, with the tries left
        :raises PinBlockedError: no tries left, now or before
        :raises TransportPinError: the PIN must be changed first
        """
        self._references.verify_pin(pin)

    def pin_pad(self) -> PinPad | None:
        """The reader's PIN pad, if it has one; never under secure messaging, which a pad can't speak."""
        return None if self.channel.is_protected else PinPad.find(self.channel.connection)

    def verify_pin_at(self, pad: PinPad) -> None:
        """As `verify_pin`, typed at the reader; PinEntryError where nothing was typed."""
        self._references.verify_pin_at(pad)

    def change_pin_at(self, pad: PinPad) -> None:
        """As `change_pin`, all three typed at the reader; PinEntryError where they were not."""
        self._references.change_pin_at(pad)

    def replace_pin_at(self, pad: PinPad, old: str) -> None:
        """As `change_pin`, the new one typed twice at the reader; PinEntryError where it was not."""
        self._references.replace_pin_at(pad, old)

    def unblock_pin_at(self, pad: PinPad) -> None:
        """As `unblock_pin`, all three typed at the reader: a PUK of digits, where it asks for the old PIN.

        :raises PinEntryError: they were not typed
        """
        self._references.unblock_pin_at(pad)

    def enter_pin(self, pin: str | None) -> None:
        """As `verify_pin`; None has it typed at the reader.

        :raises PinEntryError: it was not typed, or the reader has no pad
        """
        if pin is not None:
            self.verify_pin(pin)
            return
        pad = self.pin_pad()
        if pad is None:
            raise PinEntryError("the reader has no PIN pad")
        self.verify_pin_at(pad)

    def log_out(self) -> None:
        """Makes the card forget that the PIN was verified."""
        self._references.log_out()

    def change_pin(self, old: str, new: str) -> None:
        """Replaces the PIN; raises as `verify_pin` does for `old`, MalformedPinError for either."""
        self._references.change_pin(old, new)

    def change_puk(self, old: str, new: str) -> None:
        """Replaces the PUK.

        :raises MalformedPinError: not 6 to 8 printable characters; not sent, no try used
        :raises InvalidPukError: wrong, with the tries left
        :raises PukBlockedError: no tries left, now or before
        """
        self._references.change_puk(old, new)

    def unblock_pin(self, puk: str, new_pin: str) -> None:
        """Sets a new PIN and its full tries with the PUK; raises as `change_puk` does."""
        self._references.unblock_pin(puk, new_pin)

    # Management key

    def authenticate_management(self, key: bytes) -> None:
        """Mutual authentication with the AES management key (16, 24 or 32 bytes); holds until a reset.

        :raises ManagementKeyError: wrong key or length, or the card failed its own part
        """
        management.authenticate(self.channel, key, self._random_bytes)

    def set_management_key(self, key: bytes) -> None:
        """Replaces the management key (Yubico's INS FF), after `authenticate_management`.

        :raises ManagementKeyError: no AES key's length
        :raises ManagementKeyRequiredError: not authenticated
        """
        algorithm = management.management_algorithm(key)
        data = bytes((algorithm,)) + Tlv(Reference.MANAGEMENT, key).encode()
        ins = INS.YUBICO_SET_MANAGEMENT_KEY
        self._send(CommandApdu(0, ins, *P1_P2_NO_TOUCH, data), lambda: management_required(ins))

    # The card itself

    def card_serial(self) -> int:
        """The manufacturer's serial number, 0 to 2^32-1 (Yubico's INS F8)."""
        answer = self._send(CommandApdu(0, INS.YUBICO_GET_SERIAL, 0, 0, le=MAX_SHORT_LE))
        if len(answer) != _SERIAL_BYTES:
            raise UnexpectedAnswerError(f"a serial number of {len(answer)} bytes")
        return int.from_bytes(answer, "big")

    def version(self) -> tuple[int, int, int]:
        """The application's version: major, minor, patch (Yubico's INS FD)."""
        answer = self._send(CommandApdu(0, INS.YUBICO_GET_VERSION, 0, 0, le=MAX_SHORT_LE))
        if len(answer) != _VERSION_BYTES:
            raise UnexpectedAnswerError(f"a version of {len(answer)} bytes")
        return answer[0], answer[1], answer[2]

    # Data objects

    def get_object(self, object_id: ObjectId) -> bytes:
        """The content of a data object, without the container around it.

        :raises ObjectNotFoundError: absent, or there and empty (which is how objects are deleted)
        :raises PinRequiredError: this object is read with the PIN
        """
        return self._perform(requests.get_object(object_id))

    def put_object(self, object_id: ObjectId, data: bytes) -> None:
        """Replaces a data object's content in one write of the card; empty data deletes it.

        :raises ManagementKeyRequiredError: not authenticated with the management key
        :raises CardFullError: no room
        """
        self._perform(requests.put_object(object_id, data))

    def put_certificate(self, slot: Slot, der: bytes) -> None:
        """Writes a slot's certificate, uncompressed; raises as `put_object` does."""
        self.put_object(slot.certificate_object, encode_certificate(der))

    def read_certificate(self, slot: Slot) -> bytes:
        """A slot's certificate, DER, not checked in any way.

        :raises ObjectNotFoundError: the slot has none
        :raises ObjectContentError: what is there is no certificate object
        """
        return parse_certificate(self.get_object(slot.certificate_object))

    def public_key(self, slot: Slot) -> PublicKey:
        """The public key in the slot's certificate.

        :raises ObjectNotFoundError: the slot has no certificate
        :raises UnexpectedAnswerError: it is no X.509 certificate
        :raises UnsupportedKeyError: its key is of no kind used here
        """
        return certificate_key(self.read_certificate(slot))

    def read_chuid(self) -> Chuid:
        """The CHUID."""
        return Chuid.parse(self.get_object(ObjectId.CHUID))

    def read_ccc(self) -> Ccc:
        """The CCC."""
        return Ccc.parse(self.get_object(ObjectId.CARD_CAPABILITY_CONTAINER))

    def read_printed_information(self) -> PrintedInformation:
        """What is printed on the card; takes the PIN."""
        return PrintedInformation.parse(self.get_object(ObjectId.PRINTED_INFORMATION))

    # Keys

    def generate_key(self, slot: Slot, algorithm: Algorithm) -> PublicKey:
        """Makes a new key pair on the card, in place of the slot's old one, and returns the public key.

        The answer is not authenticated: let the key sign something before a certificate is made for it.

        :raises UnsupportedKeyError: not an algorithm of key pairs, or the card does not have it
        :raises ManagementKeyRequiredError: not authenticated with the management key
        """
        if algorithm not in ASYMMETRIC_ALGORITHMS:
            raise UnsupportedKeyError(f"{algorithm.name} is no algorithm of key pairs")
        mechanism = Tlv(KeyTag.MECHANISM, bytes((algorithm,))).encode()
        template = Tlv(KeyTag.CONTROL_TEMPLATE, mechanism).encode()
        ins = INS.GENERATE_ASYMMETRIC_KEY_PAIR
        command = CommandApdu(0, ins, 0, slot, template, MAX_SHORT_LE)
        answer = self._send(command, lambda: _generation_causes(slot, algorithm))
        return parse_public_key(algorithm, answer)

    def key_in_slot(self, slot: Slot) -> PublicKey | None:
        """The public key of the slot's key pair, whether certified or not (Yubico's GET METADATA).

        None from a card that doesn't tell. The answer is not authenticated.

        :raises KeyNotFoundError: no key in the slot
        """
        command = CommandApdu(0, INS.YUBICO_GET_METADATA, 0, slot, le=MAX_SHORT_LE)
        response = self.channel.exchange(command)
        if response.sw in (SW.INSTRUCTION_NOT_SUPPORTED, SW.CLASS_NOT_SUPPORTED):
            return None
        refused = requests.causes(lambda: {SW.REFERENCED_DATA_NOT_FOUND: KeyNotFoundError(slot)})
        return _meaning(Request(command, parse_key_metadata, refused), response)

    def sign(self, slot: Slot, public_key: PublicKey, message: bytes, hash_algorithm: HashAlgorithm) -> bytes:
        """Hashes here, signs on the card, and checks the signature with the public key.

        :returns: DER ECDSA-Sig-Value, or PKCS#1 v1.5 as long as the modulus
        :raises PinRequiredError: verify the PIN first; for slot 9C right before every signature
        :raises TransportPinError: the PIN must be changed first
        :raises KeyNotFoundError: no key in the slot, or one of another algorithm
        :raises UnexpectedAnswerError: the signature is not one of this public key
        """
        return self._perform(requests.sign(slot, public_key, message, hash_algorithm))

    def sign_with_pin(
        self, pin: str, slot: Slot, public_key: PublicKey, message: bytes, hash_algorithm: HashAlgorithm
    ) -> bytes:
        """`verify_pin`, and `sign` right after it; raises as they do."""
        signing = requests.sign(slot, public_key, message, hash_algorithm)
        *_, signature = self.perform_all([requests.verify_pin(pin), signing])
        return signature or b""


def _meaning(request: Request[T], response: ResponseApdu) -> T:
    if response.sw != SW.NO_FURTHER_QUALIFICATION:
        raise request.refusal(ApduError(response.sw, request.command.ins))
    return request.parse(response.data)


def _generation_causes(slot: Slot, algorithm: Algorithm) -> dict[int, CardError]:
    refused = UnsupportedKeyError(f"the card makes no {algorithm.name} keys in slot {slot:02X}")
    return {
        **management_required(INS.GENERATE_ASYMMETRIC_KEY_PAIR),
        SW.INCORRECT_DATA_FIELD: refused,
        SW.FUNCTION_NOT_SUPPORTED: refused,
    }
