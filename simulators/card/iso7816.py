"""ISO/IEC 7816-4 as a card sees it: command APDUs to parse, status words to give."""

from dataclasses import dataclass, field
from enum import IntEnum, unique

HEADER_LENGTH = 4
MAX_SHORT_NE = 256
MAX_EXTENDED_NE = 65536
MAX_TRIES_IN_STATUS = 15
_SHORT_LE_END = 1
_EXTENDED_MARK = 0
_EXTENDED_LE_LENGTH = 2
_EXTENDED_LC_LENGTH = 3  # the zero byte and two length bytes


@unique
class INS(IntEnum):
    """Instruction bytes (ISO/IEC 7816-4 table 4) that the card itself answers, for any application."""

    SELECT = 0xA4
    GET_RESPONSE = 0xC0


@unique
class CLA(IntEnum):
    """Class byte and its bits (ISO/IEC 7816-4 clause 5.4.1)."""

    INTERINDUSTRY = 0x00
    CHAINING = 0x10
    SECURE_MESSAGING_BITS = 0x0C
    CHANNEL_BITS = 0x03
    FURTHER_CLASSES = 0x60
    PROPRIETARY = 0x80
    SECURE_MESSAGING = 0x04


@unique
class SW(IntEnum):
    """Status words (ISO/IEC 7816-4 clause 5.6; SP 800-73-5 part 2, section 3)."""

    SUCCESS = 0x9000
    BYTES_REMAINING = 0x6100
    CARD_LOCKED = 0x6283
    AUTHENTICATION_FAILED = 0x6300
    VERIFY_FAILED = 0x63C0
    MEMORY_FAILURE = 0x6581
    WRONG_LENGTH = 0x6700
    LOGICAL_CHANNEL_NOT_SUPPORTED = 0x6881
    SECURE_MESSAGING_NOT_SUPPORTED = 0x6882
    COMMAND_CHAINING_NOT_SUPPORTED = 0x6884
    SECURITY_STATUS_NOT_SATISFIED = 0x6982
    AUTHENTICATION_METHOD_BLOCKED = 0x6983
    CONDITIONS_OF_USE_NOT_SATISFIED = 0x6985
    INCORRECT_PARAMETERS_IN_DATA = 0x6A80
    FUNCTION_NOT_SUPPORTED = 0x6A81
    FILE_OR_APPLICATION_NOT_FOUND = 0x6A82
    NOT_ENOUGH_MEMORY = 0x6A84
    INCORRECT_P1_P2 = 0x6A86
    REFERENCE_DATA_NOT_FOUND = 0x6A88
    INSTRUCTION_NOT_SUPPORTED = 0x6D00
    CLASS_NOT_SUPPORTED = 0x6E00
    NO_PRECISE_DIAGNOSIS = 0x6F00


def status_bytes(sw: int) -> bytes:
    """SW1 SW2."""
    return sw.to_bytes(2, "big")


def bytes_remaining(count: int) -> int:
    """61xx: `count` bytes wait for GET RESPONSE (00 stands for 256 and more)."""
    return SW.BYTES_REMAINING | (0 if count >= MAX_SHORT_NE else count)


def tries_remaining(count: int) -> int:
    """63Cx: the verification failed, `count` tries are left."""
    return SW.VERIFY_FAILED | min(count, MAX_TRIES_IN_STATUS)


class StatusError(Exception):
    """The command ends in another status word than 9000, a warning maybe with data. Never leaves the card."""

    def __init__(self, sw: int, data: bytes = b"") -> None:
        super().__init__(f"{sw:04X}")
        self.sw = sw
        self.data = data


@dataclass(frozen=True)
class Command:
    """One command APDU (ISO/IEC 7816-4 clause 5.1); `ne` is the number of bytes the host expects at most.

    Without Le, `ne` is 256: clients in the field leave Le out of a case 4 command over T=1 and still want the
    answer. Data are kept out of the repr: they hold PINs.
    """

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = field(default=b"", repr=False)
    ne: int = MAX_SHORT_NE
    is_extended: bool = field(default=False, compare=False)
    """Whether Lc came in the extended form: secure messaging protects the bytes as they came."""

    @property
    def p1_p2(self) -> int:
        """P1 and P2 as one number."""
        return self.p1 << 8 | self.p2

    @property
    def is_proprietary(self) -> bool:
        """Whether the class byte is one of GlobalPlatform's own commands (CLA bit 8)."""
        return bool(self.cla & CLA.PROPRIETARY)

    @property
    def is_secured(self) -> bool:
        """Whether the class byte says that the command came under secure messaging (CLA bits 4 and 3)."""
        return bool(self.cla & CLA.SECURE_MESSAGING_BITS)

    @property
    def is_chained(self) -> bool:
        """Whether more of this command follows (CLA bit 5)."""
        return bool(self.cla & CLA.CHAINING)

    def has_header_of(self, other: "Command") -> bool:
        """Whether both are parts of one chain: the same header but for CLA bit 5 (clause 5.3.3).

        Whether they came under secure messaging is the channel's business, not the chain's.
        """
        mine, others = ((command.is_proprietary, command.ins, command.p1_p2) for command in (self, other))
        return mine == others

    @classmethod
    def parse(cls, raw: bytes) -> "Command":
        """Parses any of the cases 1 to 4, short or extended.

        :raises StatusError: 6700, the lengths contradict each other
        """
        if len(raw) < HEADER_LENGTH:
            raise StatusError(SW.WRONG_LENGTH)
        body = raw[HEADER_LENGTH:]
        data, ne = _parse_body(body)
        extended = len(body) > _SHORT_LE_END and body[0] == _EXTENDED_MARK
        return cls(raw[0], raw[1], raw[2], raw[3], data, ne, extended)


def _parse_body(body: bytes) -> tuple[bytes, int]:
    if not body:
        return b"", MAX_SHORT_NE
    if len(body) == _SHORT_LE_END:
        return b"", body[0] or MAX_SHORT_NE
    if body[0] == _EXTENDED_MARK:
        return _parse_extended(body)
    return _split_data(body, 1, body[0], _SHORT_LE_END, MAX_SHORT_NE)


def _parse_extended(body: bytes) -> tuple[bytes, int]:
    if len(body) < _EXTENDED_LC_LENGTH:
        raise StatusError(SW.WRONG_LENGTH)
    length = int.from_bytes(body[1:_EXTENDED_LC_LENGTH], "big")
    if len(body) == _EXTENDED_LC_LENGTH:
        return b"", length or MAX_EXTENDED_NE
    if length == 0:
        raise StatusError(SW.WRONG_LENGTH)
    return _split_data(body, _EXTENDED_LC_LENGTH, length, _EXTENDED_LE_LENGTH, MAX_EXTENDED_NE)


def _split_data(body: bytes, start: int, length: int, le_length: int, max_ne: int) -> tuple[bytes, int]:
    """Data, then nothing or an Le of `le_length` bytes."""
    data, le = body[start : start + length], body[start + length :]
    if len(data) != length or len(le) not in (0, le_length):
        raise StatusError(SW.WRONG_LENGTH)
    return data, int.from_bytes(le, "big") or max_ne
