"""Command and response APDUs of all cases, short and extended (ISO/IEC 7816-4:2020, 5; 7816-3, 12.1)."""

from dataclasses import dataclass, field
from enum import IntEnum, unique

from cardio.errors import CardError

HEADER_BYTES = 4  # CLA INS P1 P2
STATUS_BYTES = 2  # SW1 SW2
MAX_SHORT_DATA = 255
MAX_SHORT_LE = 256  # coded 00
MAX_EXTENDED_DATA = 65_535
MAX_EXTENDED_LE = 65_536  # coded 0000
CLA_CHAINING = 0x10  # bit 5 of CLA: more commands of this chain follow (ISO/IEC 7816-4 table 2)
CLA_PROPRIETARY = 0x80  # GlobalPlatform's own commands, GPCS 2.3.1 table 11-11
CLA_SECURE_MESSAGING = (
    0x0C  # bits 4 and 3 of CLA: not both zero under secure messaging (ISO/IEC 7816-4 table 2)
)
CLA_FURTHER_INTERINDUSTRY = 0x40  # bit 7 of CLA: coded as in table 3
CLA_FURTHER_SECURE_MESSAGING = 0x20  # bit 6 of such a CLA
P1_P2_CURRENT_APPLICATION = (0x3F, 0xFF)  # GET DATA, PUT DATA: the tags are in the data field
P1_SELECT_BY_NAME = 0x04  # SELECT by DF name, which is an AID (ISO/IEC 7816-4 table 63)

_MAX_BYTE = 0xFF
_SHORT_FIELD = 1
_EXTENDED_LE_FIELD = 2
_EXTENDED_FIELD = 3  # 00 and two bytes
_WILDCARD_LE = 0


class ApduFormatError(CardError):
    """Bytes that are no APDU, or fields that no APDU can carry."""


@unique
class INS(IntEnum):
    """Instructions, as ISO/IEC 7816-4 table 5, SP 800-73-5 part 2 and GPCS 2.3.1 chapter 11 spell them."""

    VERIFY = 0x20
    CHANGE_REFERENCE_DATA = 0x24
    RESET_RETRY_COUNTER = 0x2C
    GENERATE_ASYMMETRIC_KEY_PAIR = 0x47
    INITIALIZE_UPDATE = 0x50
    EXTERNAL_AUTHENTICATE = 0x82
    GENERAL_AUTHENTICATE = 0x87
    SELECT = 0xA4
    GET_RESPONSE = 0xC0
    GET_DATA_IN_P1_P2 = 0xCA  # GET DATA with the tag in P1 P2: GPCS 2.3.1, 11.3
    GET_DATA = 0xCB
    PUT_KEY = 0xD8
    PUT_DATA = 0xDB
    DELETE = 0xE4
    SET_STATUS = 0xF0
    GET_STATUS = 0xF2
    YUBICO_GET_METADATA = 0xF7
    YUBICO_GET_SERIAL = 0xF8
    YUBICO_ATTEST = 0xF9
    YUBICO_GET_VERSION = 0xFD
    YUBICO_IMPORT_KEY = 0xFE
    YUBICO_SET_MANAGEMENT_KEY = 0xFF


@unique
class SW(IntEnum):
    """Status words, ISO/IEC 7816-4 tables 6 and 7."""

    NO_FURTHER_QUALIFICATION = 0x9000
    BYTES_STILL_AVAILABLE = 0x6100  # SW2: how many
    SELECTED_FILE_DEACTIVATED = 0x6283  # GPCS 2.3.1, 11.9.3.2: the card life cycle state is CARD_LOCKED
    VERIFICATION_FAILED = 0x6300
    MORE_DATA_AVAILABLE = 0x6310  # GPCS 2.3.1, 11.4.3.2: GET STATUS has more
    COUNTER = 0x63C0  # low four bits: tries left
    EXECUTION_ERROR = 0x6400
    MEMORY_FAILURE = 0x6581
    WRONG_LENGTH = 0x6700
    LAST_COMMAND_OF_CHAIN_EXPECTED = 0x6883
    CHAINING_NOT_SUPPORTED = 0x6884
    SECURITY_STATUS_NOT_SATISFIED = 0x6982
    AUTHENTICATION_METHOD_BLOCKED = 0x6983
    CONDITIONS_NOT_SATISFIED = 0x6985
    COMMAND_NOT_ALLOWED = 0x6986
    INCORRECT_SECURE_MESSAGING_OBJECTS = 0x6988
    INCORRECT_DATA_FIELD = 0x6A80
    FUNCTION_NOT_SUPPORTED = 0x6A81
    FILE_NOT_FOUND = 0x6A82
    NOT_ENOUGH_MEMORY = 0x6A84
    INCORRECT_P1_P2 = 0x6A86
    REFERENCED_DATA_NOT_FOUND = 0x6A88
    WRONG_LE = 0x6C00  # SW2: the right one
    INSTRUCTION_NOT_SUPPORTED = 0x6D00
    CLASS_NOT_SUPPORTED = 0x6E00


@dataclass(frozen=True)
class CommandApdu:
    """One command. `le`: None asks for no data, else 1 to 65,536 bytes at most (256 and 65,536 mean "all").

    The data field is left out of `repr`: it may hold a PIN or a key.

    :raises ApduFormatError: a field out of range
    """

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = field(default=b"", repr=False)
    le: int | None = None

    def __post_init__(self) -> None:
        if (self.cla | self.ins | self.p1 | self.p2) & ~_MAX_BYTE:
            raise ApduFormatError("CLA, INS, P1 and P2 are one byte each")
        if len(self.data) > MAX_EXTENDED_DATA:
            raise ApduFormatError(f"{len(self.data)} bytes of data; an APDU carries {MAX_EXTENDED_DATA}")
        if self.le is not None and not 1 <= self.le <= MAX_EXTENDED_LE:
            raise ApduFormatError(f"Le {self.le} is not between 1 and {MAX_EXTENDED_LE}")

    @property
    def header(self) -> bytes:
        """CLA INS P1 P2."""
        return bytes((self.cla, self.ins, self.p1, self.p2))

    @property
    def fits_short(self) -> bool:
        """Whether short length fields can carry it."""
        return len(self.data) <= MAX_SHORT_DATA and (self.le or 0) <= MAX_SHORT_LE

    def with_le(self, le: int | None) -> "CommandApdu":
        """The same command asking for `le` bytes."""
        if le == self.le:
            return self
        return CommandApdu(self.cla, self.ins, self.p1, self.p2, self.data, le)

    def encode(self, *, extended: bool | None = None) -> bytes:
        """The bytes to send; `extended` None chooses short length fields where they suffice.

        :raises ApduFormatError: short length fields asked for, and too small
        """
        fits_short = self.fits_short
        if extended is False and not fits_short:
            raise ApduFormatError("too long for short length fields")
        return self._encode_extended() if extended or not fits_short else self._encode_short()

    def _encode_short(self) -> bytes:
        le = b"" if self.le is None else bytes((self.le % MAX_SHORT_LE,))
        if not self.data:
            return self.header + le
        return bytes((self.cla, self.ins, self.p1, self.p2, len(self.data))) + self.data + le

    def _encode_extended(self) -> bytes:
        lc = len(self.data).to_bytes(_EXTENDED_FIELD, "big") if self.data else b""
        if self.le is None:
            return self.header + lc + self.data
        # Without Lc, the byte 00 that announces extended lengths stands before Le (case 2E).
        width = _EXTENDED_LE_FIELD if self.data else _EXTENDED_FIELD
        return self.header + lc + self.data + (self.le % MAX_EXTENDED_LE).to_bytes(width, "big")

    @staticmethod
    def decode(encoded: bytes) -> "CommandApdu":
        """Reads any case, short or extended.

        :raises ApduFormatError: not a command APDU
        """
        if len(encoded) < HEADER_BYTES:
            raise ApduFormatError(f"{len(encoded)} bytes are too few for a command header")
        cla, ins, p1, p2 = encoded[:HEADER_BYTES]
        data, le = _decode_body(encoded[HEADER_BYTES:])
        return CommandApdu(cla, ins, p1, p2, data, le)


def _decode_body(body: bytes) -> tuple[bytes, int | None]:
    """Data and Le of what follows the header."""
    if not body:
        return b"", None  # case 1
    if len(body) == _SHORT_FIELD:
        return b"", body[0] or MAX_SHORT_LE  # case 2S
    if body[0] != 0:
        return _decode_data(body, _SHORT_FIELD, _SHORT_FIELD, MAX_SHORT_LE)  # cases 3S, 4S
    if len(body) < _EXTENDED_FIELD:
        raise ApduFormatError("the extended length field is cut short")
    if len(body) == _EXTENDED_FIELD:
        return b"", int.from_bytes(body, "big") or MAX_EXTENDED_LE  # case 2E
    return _decode_data(body, _EXTENDED_FIELD, _EXTENDED_LE_FIELD, MAX_EXTENDED_LE)  # cases 3E, 4E


def _decode_data(body: bytes, lc_width: int, le_width: int, wildcard: int) -> tuple[bytes, int | None]:
    """Splits Lc, data and, if there, Le; `wildcard` is the Le that all zeros mean."""
    length = int.from_bytes(body[:lc_width], "big")
    data, rest = body[lc_width : lc_width + length], body[lc_width + length :]
    if length == 0 or len(data) < length:
        raise ApduFormatError(f"Lc announces {length} bytes, {len(data)} follow")
    if not rest:
        return data, None
    if len(rest) != le_width:
        raise ApduFormatError(f"{len(rest)} bytes follow the data")
    le = int.from_bytes(rest, "big")
    return data, wildcard if le == _WILDCARD_LE else le


@dataclass(frozen=True)
class ResponseApdu:
    """One answer: data (0 to 65,536 bytes) and the two status bytes as a number."""

    data: bytes = field(repr=False)
    sw: int

    @property
    def sw1(self) -> int:
        """The first status byte."""
        return self.sw >> 8

    @property
    def sw2(self) -> int:
        """The second status byte."""
        return self.sw & _MAX_BYTE

    def encode(self) -> bytes:
        """Data and status bytes."""
        return self.data + self.sw.to_bytes(STATUS_BYTES, "big")

    @staticmethod
    def decode(encoded: bytes) -> "ResponseApdu":
        """Splits data and status bytes.

        :raises ApduFormatError: shorter than the status bytes, or longer than any answer
        """
        if not STATUS_BYTES <= len(encoded) <= MAX_EXTENDED_LE + STATUS_BYTES:
            raise ApduFormatError(f"{len(encoded)} bytes are no response APDU")
        return ResponseApdu(encoded[:-STATUS_BYTES], int.from_bytes(encoded[-STATUS_BYTES:], "big"))


def tries_left(sw: int) -> int | None:
    """The counter in a status word 63Cx; None for any other."""
    return sw & 0x0F if sw & 0xFFF0 == SW.COUNTER else None
