"""The PIV data objects, as values that parse and encode (SP 800-73-5 part 1, table 3 and appendix A)."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, unique
from uuid import UUID

from cardio.errors import ObjectContentError
from cardio.piv.fascn import FascN
from cardio.tlv import Tlv, TlvError, values_by_tag


@unique
class ObjectId(IntEnum):
    """BER tags of the data objects (part 1, table 3)."""

    DISCOVERY = 0x7E
    CARD_AUTHENTICATION_CERTIFICATE = 0x5FC101
    CHUID = 0x5FC102
    FINGERPRINTS = 0x5FC103
    AUTHENTICATION_CERTIFICATE = 0x5FC105
    SECURITY_OBJECT = 0x5FC106
    CARD_CAPABILITY_CONTAINER = 0x5FC107
    FACIAL_IMAGE = 0x5FC108
    PRINTED_INFORMATION = 0x5FC109
    SIGNATURE_CERTIFICATE = 0x5FC10A
    KEY_MANAGEMENT_CERTIFICATE = 0x5FC10B
    KEY_HISTORY = 0x5FC10C
    IRIS_IMAGES = 0x5FC121

    @property
    def title(self) -> str:
        """The name in words, for messages."""
        return self.name.lower().replace("_", " ")

    def tag_bytes(self) -> bytes:
        """The tag as it stands in a tag list: 1 or 3 bytes."""
        return self.to_bytes((self.bit_length() + 7) // 8, "big")


@unique
class _Tag(IntEnum):
    """Tags inside the objects (part 1, appendix A)."""

    FASC_N = 0x30
    GUID = 0x34
    EXPIRATION_DATE = 0x35
    CARDHOLDER_UUID = 0x36
    ISSUER_SIGNATURE = 0x3E
    ERROR_DETECTION_CODE = 0xFE
    CERTIFICATE = 0x70
    CERTIFICATE_INFO = 0x71
    PRINTED_NAME = 0x01
    PRINTED_AFFILIATION = 0x02
    PRINTED_EXPIRATION_DATE = 0x04
    PRINTED_CARD_SERIAL = 0x05
    PRINTED_ISSUER = 0x06
    PRINTED_LINE_1 = 0x07
    PRINTED_LINE_2 = 0x08
    CARD_IDENTIFIER = 0xF0
    CONTAINER_VERSION = 0xF1
    GRAMMAR_VERSION = 0xF2
    APPLICATIONS_URL = 0xF3
    PKCS15 = 0xF4
    DATA_MODEL = 0xF5
    ACCESS_RULES = 0xF6
    CARD_APDUS = 0xF7
    REDIRECTION = 0xFA
    CAPABILITY_TUPLES = 0xFB
    STATUS_TUPLES = 0xFC
    NEXT_CCC = 0xFD


_GUID_BYTES = 16
_CHUID_DATE = "%Y%m%d"
_MAX_CERTIFICATE_BYTES = 65_536
_UNCOMPRESSED, _GZIP = b"\x00", b"\x01"  # CertInfo (part 1, appendix A, table 40)
_GZIP_WINDOW = 31  # zlib's way to say: a gzip member
_CCC_VERSION = b"\x21"  # part 1, table 9: version 2.1
_NO_PKCS15 = b"\x00"
_PIV_DATA_MODEL = b"\x10"  # part 1, table 9
_MAX_CARD_IDENTIFIER = 21


def _join(*elements: tuple[_Tag, bytes]) -> bytes:
    return b"".join(Tlv(tag, value).encode() for tag, value in elements)


def _split(name: str, content: bytes) -> dict[int, bytes]:
    try:
        return values_by_tag(content)
    except TlvError as error:
        raise ObjectContentError(name, str(error)) from error


def _required(name: str, values: Mapping[int, bytes], tag: _Tag) -> bytes:
    value = values.get(tag)
    if value is None:
        raise ObjectContentError(name, f"element {tag:02X} is missing")
    return value


def _parse_date(name: str, value: bytes, form: str) -> date:
    try:
        return datetime.strptime(value.decode("ascii"), form).date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        raise ObjectContentError(name, "the expiration date is no date") from None


def _parse_uuid(name: str, value: bytes) -> UUID:
    if len(value) != _GUID_BYTES:
        raise ObjectContentError(name, f"an identifier of {len(value)} bytes")
    return UUID(bytes=value)


@dataclass(frozen=True)
class Chuid:
    """Card Holder Unique Identifier (part 1, 3.1.2); PKCS#11 shows the GUID's last 8 bytes as serial."""

    guid: UUID
    expires: date
    fasc_n: FascN = field(default_factory=FascN)
    cardholder: UUID | None = None
    signature: bytes = field(default=b"", repr=False)
    """The issuer's CMS signature, DER; empty where the card has none."""

    def encode(self) -> bytes:
        """The content of object CHUID."""
        holder = () if self.cardholder is None else ((_Tag.CARDHOLDER_UUID, self.cardholder.bytes),)
        return _join(
            (_Tag.FASC_N, self.fasc_n.encode()),
            (_Tag.GUID, self.guid.bytes),
            (_Tag.EXPIRATION_DATE, self.expires.strftime(_CHUID_DATE).encode()),
            *holder,
            (_Tag.ISSUER_SIGNATURE, self.signature),
            (_Tag.ERROR_DETECTION_CODE, b""),
        )

    @staticmethod
    def parse(content: bytes) -> "Chuid":
        """Reads the content of object CHUID.

        :raises ObjectContentError: an element is missing or malformed
        """
        values = _split("CHUID", content)
        holder = values.get(_Tag.CARDHOLDER_UUID)
        return Chuid(
            guid=_parse_uuid("CHUID", _required("CHUID", values, _Tag.GUID)),
            expires=_parse_date("CHUID", _required("CHUID", values, _Tag.EXPIRATION_DATE), _CHUID_DATE),
            fasc_n=FascN.parse(_required("CHUID", values, _Tag.FASC_N)),
            cardholder=None if holder is None else _parse_uuid("CHUID", holder),
            signature=values.get(_Tag.ISSUER_SIGNATURE, b""),
        )


_PRINTED = "printed information"
_PRINTED_LIMITS = {  # part 1, appendix A, table 15: most bytes in each element
    "name": 125,
    "affiliation": 20,
    "card_serial": 20,
    "issuer": 15,
    "line_1": 20,
    "line_2": 20,
}


@dataclass(frozen=True)
class PrintedInformation:
    """What is printed on the card (part 1, 3.3.4): ASCII texts. Reading it takes the PIN."""

    name: str = field(repr=False)
    affiliation: str
    expires: date
    card_serial: str
    issuer: str
    line_1: str = ""
    line_2: str = ""

    def __post_init__(self) -> None:
        for element, limit in _PRINTED_LIMITS.items():
            value: str = getattr(self, element)
            if not value.isascii() or len(value) > limit:
                raise ObjectContentError(_PRINTED, f"{element} takes {limit} ASCII characters at most")

    def encode(self) -> bytes:
        """The content of object PRINTED_INFORMATION."""
        lines = [(_Tag.PRINTED_LINE_1, self.line_1), (_Tag.PRINTED_LINE_2, self.line_2)]
        return _join(
            (_Tag.PRINTED_NAME, self.name.encode()),
            (_Tag.PRINTED_AFFILIATION, self.affiliation.encode()),
            (_Tag.PRINTED_EXPIRATION_DATE, _printed_date(self.expires)),
            (_Tag.PRINTED_CARD_SERIAL, self.card_serial.encode()),
            (_Tag.PRINTED_ISSUER, self.issuer.encode()),
            *((tag, text.encode()) for tag, text in lines if text),
            (_Tag.ERROR_DETECTION_CODE, b""),
        )

    @staticmethod
    def parse(content: bytes) -> "PrintedInformation":
        """Reads the content of object PRINTED_INFORMATION.

        :raises ObjectContentError: an element is missing or malformed
        """
        values = _split(_PRINTED, content)
        expires = _required(_PRINTED, values, _Tag.PRINTED_EXPIRATION_DATE)
        return PrintedInformation(
            name=_text(_required(_PRINTED, values, _Tag.PRINTED_NAME)),
            affiliation=_text(_required(_PRINTED, values, _Tag.PRINTED_AFFILIATION)),
            expires=_parse_printed_date(expires),
            card_serial=_text(_required(_PRINTED, values, _Tag.PRINTED_CARD_SERIAL)),
            issuer=_text(_required(_PRINTED, values, _Tag.PRINTED_ISSUER)),
            line_1=_text(values.get(_Tag.PRINTED_LINE_1, b"")),
            line_2=_text(values.get(_Tag.PRINTED_LINE_2, b"")),
        )


def _printed_date(day: date) -> bytes:
    """YYYYMMMDD with an English month, whatever the locale."""
    month = _MONTHS[day.month - 1]
    return f"{day.year:04d}{month}{day.day:02d}".encode()


def _parse_printed_date(value: bytes) -> date:
    month = value[4:7].decode("ascii", "replace").upper()
    if month not in _MONTHS:
        raise ObjectContentError(_PRINTED, "the expiration date is no date")
    numbers = value[:4] + b"%02d" % (_MONTHS.index(month) + 1) + value[7:]
    return _parse_date(_PRINTED, numbers, _CHUID_DATE)


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def _text(value: bytes) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise ObjectContentError(_PRINTED, "a text is not ASCII") from None


@dataclass(frozen=True)
class Ccc:
    """Card Capability Container (part 1, 3.1.1): an identifier of the card, and nothing else still in use."""

    card_identifier: bytes
    """Up to 21 bytes: GSC-RID, manufacturer, type, 14 bytes of card number."""

    def __post_init__(self) -> None:
        if len(self.card_identifier) > _MAX_CARD_IDENTIFIER:
            raise ObjectContentError("CCC", f"the card identifier takes {_MAX_CARD_IDENTIFIER} bytes at most")

    def encode(self) -> bytes:
        """The content of object CARD_CAPABILITY_CONTAINER."""
        return _join(
            (_Tag.CARD_IDENTIFIER, self.card_identifier),
            (_Tag.CONTAINER_VERSION, _CCC_VERSION),
            (_Tag.GRAMMAR_VERSION, _CCC_VERSION),
            (_Tag.APPLICATIONS_URL, b""),
            (_Tag.PKCS15, _NO_PKCS15),
            (_Tag.DATA_MODEL, _PIV_DATA_MODEL),
            (_Tag.ACCESS_RULES, b""),
            (_Tag.CARD_APDUS, b""),
            (_Tag.REDIRECTION, b""),
            (_Tag.CAPABILITY_TUPLES, b""),
            (_Tag.STATUS_TUPLES, b""),
            (_Tag.NEXT_CCC, b""),
            (_Tag.ERROR_DETECTION_CODE, b""),
        )

    @staticmethod
    def parse(content: bytes) -> "Ccc":
        """Reads the content of object CARD_CAPABILITY_CONTAINER.

        :raises ObjectContentError: no card identifier, or malformed
        """
        return Ccc(_required("CCC", _split("CCC", content), _Tag.CARD_IDENTIFIER))


def encode_certificate(der: bytes) -> bytes:
    """The content of a certificate object, uncompressed: some clients refuse gzip (part 1, appendix A)."""
    return _join(
        (_Tag.CERTIFICATE, der),
        (_Tag.CERTIFICATE_INFO, _UNCOMPRESSED),
        (_Tag.ERROR_DETECTION_CODE, b""),
    )


def parse_certificate(content: bytes) -> bytes:
    """The DER certificate in a certificate object, unpacked if it is compressed; 65,536 bytes at most.

    :raises ObjectContentError: no certificate, unknown compression, or too long
    """
    values = _split("certificate", content)
    certificate = _required("certificate", values, _Tag.CERTIFICATE)
    info = values.get(_Tag.CERTIFICATE_INFO, _UNCOMPRESSED)
    if info == _GZIP:
        return _gunzip(certificate)
    if info != _UNCOMPRESSED:
        raise ObjectContentError("certificate", "an unknown compression")
    return certificate


def _gunzip(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        unpacked = unpacker.decompress(packed, _MAX_CERTIFICATE_BYTES)
    except zlib.error:
        raise ObjectContentError("certificate", "the gzip data is damaged") from None
    if not unpacker.eof:
        raise ObjectContentError("certificate", "the gzip data is cut short or unpacks to too much")
    return unpacked
