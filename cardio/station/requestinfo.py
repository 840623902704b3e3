"""The one thing that a station lets a card sign beside its delivery: a certification request's content.

A CertificationRequestInfo (PKCS#10, RFC 2986 §4.1) of one fixed form: the card's number as the only name, the
key, and at most a challenge password (RFC 2985 §5.4.1) that makes it new. It is read by its two variable
parts and made again: whatever differs by one byte is none. So it is no login token, no challenge of a
delivery and no document, and says by itself which card and which key it is about.
"""

import re
from dataclasses import dataclass
from enum import IntEnum, unique

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from cardio.errors import UnsupportedKeyError
from cardio.piv.signing import check_signature
from cardio.piv.slots import PublicKey, algorithm_of
from cardio.station.errors import RefusedCommandError
from cardio.tlv import Tlv, TlvError, TlvLimits

MAX_REQUEST_INFO = 2048
_CHALLENGE_CHARACTERS = 64
_CHALLENGE = re.compile(rf"[0-9A-F]{{{_CHALLENGE_CHARACTERS}}}")
_CARD = re.compile(r"[0-9]{10}")
_PARTS = 4
_LIMITS = TlvLimits(max_bytes=MAX_REQUEST_INFO, max_count=8, max_depth=2)

_VERSION_1 = b"\x00"
_COMMON_NAME = bytes.fromhex("550403")  # 2.5.4.3
_CHALLENGE_PASSWORD = bytes.fromhex("2A864886F70D010907")  # 1.2.840.113549.1.9.7
_ECDSA_SHA256 = bytes.fromhex("2A8648CE3D040302")  # RFC 5758 §3.2
_ECDSA_SHA384 = bytes.fromhex("2A8648CE3D040303")
_RSA_SHA256 = bytes.fromhex("2A864886F70D01010B")  # RFC 8017 appendix A.2.4
_NO_UNUSED_BITS = b"\x00"


@unique
class _Asn1(IntEnum):
    """Tags of X.690 that a request takes."""

    INTEGER = 0x02
    BIT_STRING = 0x03
    NULL = 0x05
    OBJECT_IDENTIFIER = 0x06
    UTF8_STRING = 0x0C
    PRINTABLE_STRING = 0x13
    SEQUENCE = 0x30
    SET = 0x31
    ATTRIBUTES = 0xA0


@dataclass(frozen=True)
class RequestInfo:
    """What is certified, or proved: this key is in this card."""

    card: str
    """Its number, ten digits."""
    key: PublicKey
    challenge: str | None = None
    """32 bytes as hexadecimal digits, in capitals."""

    def encode(self) -> bytes:
        """DER."""
        name = _node(_Asn1.SET, _pair(_COMMON_NAME, Tlv(_Asn1.UTF8_STRING, self.card.encode()).encode()))
        key = self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        parts = (Tlv(_Asn1.INTEGER, _VERSION_1).encode(), _node(_Asn1.SEQUENCE, name), key)
        return _node(_Asn1.SEQUENCE, *parts, _node(_Asn1.ATTRIBUTES, self._attributes()))

    def _attributes(self) -> bytes:
        if self.challenge is None:
            return b""
        value = Tlv(_Asn1.PRINTABLE_STRING, self.challenge.encode()).encode()
        return _pair(_CHALLENGE_PASSWORD, _node(_Asn1.SET, value))

    @classmethod
    def parse(cls, content: bytes, card: str) -> "RequestInfo":
        """Reads what is said to be one about that card. Raises RefusedCommandError for anything else."""
        try:
            found = cls(card, _key_in(content), _challenge_in(content))
        except (TlvError, ValueError, UnsupportedAlgorithm, UnsupportedKeyError):
            raise RefusedCommandError("a signature of what is no certification request") from None
        if not _CARD.fullmatch(card) or found.encode() != content:
            raise RefusedCommandError("a signature of what is no certification request of this card")
        return found

    @property
    def hash(self) -> HashAlgorithm:
        """SHA-384 for P-384 keys, SHA-256 for all others (SP 800-78-5 table 8)."""
        return SHA384() if self._is_wide else SHA256()

    def check(self, signature: bytes) -> None:
        """Raises UnexpectedAnswerError unless it is the key's, over this."""
        check_signature(self.key, signature, self.encode(), self.hash)

    def signed(self, signature: bytes) -> bytes:
        """The whole request, DER."""
        bits = Tlv(_Asn1.BIT_STRING, _NO_UNUSED_BITS + signature).encode()
        return _node(_Asn1.SEQUENCE, self.encode(), self._signature_algorithm(), bits)

    def _signature_algorithm(self) -> bytes:
        if isinstance(self.key, rsa.RSAPublicKey):
            return _node(_Asn1.SEQUENCE, _oid(_RSA_SHA256), Tlv(_Asn1.NULL, b"").encode())
        return _node(_Asn1.SEQUENCE, _oid(_ECDSA_SHA384 if self._is_wide else _ECDSA_SHA256))

    @property
    def _is_wide(self) -> bool:
        return isinstance(self.key, ec.EllipticCurvePublicKey) and isinstance(self.key.curve, ec.SECP384R1)


def _parts(content: bytes) -> list[Tlv]:
    if len(content) > MAX_REQUEST_INFO:
        raise ValueError("too long")
    parts = Tlv.parse_all(Tlv.unpack(_Asn1.SEQUENCE, content, _LIMITS), _LIMITS)
    if len(parts) != _PARTS:
        raise ValueError("other parts")
    return parts


def _key_in(content: bytes) -> PublicKey:
    key = load_der_public_key(_parts(content)[2].encode())
    if not isinstance(key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)):
        raise UnsupportedKeyError("of another kind")
    algorithm_of(key)
    return key


def _challenge_in(content: bytes) -> str | None:
    """The end of the attributes, if there are any; whether they are this and nothing more, encoding shows."""
    attributes = _parts(content)[3].value
    if not attributes:
        return None
    found = attributes[-_CHALLENGE_CHARACTERS:].decode("ascii")
    if not _CHALLENGE.fullmatch(found):
        raise ValueError("another attribute")
    return found


def _node(tag: _Asn1, *parts: bytes) -> bytes:
    return Tlv(tag, b"".join(parts)).encode()


def _oid(value: bytes) -> bytes:
    return Tlv(_Asn1.OBJECT_IDENTIFIER, value).encode()


def _pair(kind: bytes, value: bytes) -> bytes:
    return _node(_Asn1.SEQUENCE, _oid(kind), value)
