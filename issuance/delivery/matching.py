"""The match of card, record and person: what the card itself says, against what it was made for; pure."""

from dataclasses import dataclass, field
from enum import StrEnum, unique

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from cardio.errors import CardError
from cardio.piv.objects import Chuid
from cardio.station.handovercontent import CHALLENGE_BYTES, signed_content
from issuance.production.personalisation import check_signature
from pki.profiles.identities import semantics_identifier

MAX_SIGNATURE_BYTES = 512  # RSA-4096
MAX_CHUID_BYTES = 3072  # 2,881 by SP 800-73-5 part 1, table 11
MAX_CERTIFICATE_BYTES = 8192


@dataclass(frozen=True)
class CardAnswer:
    """What the card in the station's reader said."""

    signature: bytes = field(repr=False)
    """DER, by key 9A with SHA-256, of `signed_content` of the delivery's challenge."""
    chuid: bytes = field(repr=False)
    """The content of object CHUID."""
    certificate: bytes = field(repr=False)
    """The certificate of key 9A, DER."""


@dataclass(frozen=True)
class Expected:
    """What the record says of the card."""

    guid: str
    """32 hexadecimal digits."""
    certificate: bytes = field(repr=False)
    national_code: str = field(repr=False)
    """Whom the order is for."""


@unique
class MatchFault(StrEnum):
    """Where card, record and person part."""

    CHUID = "chuid"
    """Another card's, or none."""
    CERTIFICATE = "certificate"
    """Not the one that was written to this card."""
    PERSON = "person"
    """Made out to another person than the order's."""
    SIGNATURE = "signature"
    """Not by this card's key over this delivery's challenge: its holder has no PIN of their own yet."""


def mismatch(expected: Expected, answer: CardAnswer, challenge: bytes) -> MatchFault | None:
    """The first thing that doesn't fit; None if card, record and person are one."""
    if _guid(answer.chuid) != expected.guid:
        return MatchFault.CHUID
    if answer.certificate != expected.certificate:
        return MatchFault.CERTIFICATE
    return unproven(expected, answer.signature, challenge)


def unproven(expected: Expected, signature: bytes | None, challenge: bytes) -> MatchFault | None:
    """What speaks against the proof alone, which the record keeps; None if the person's card has signed."""
    certificate = x509.load_der_x509_certificate(expected.certificate)
    named = [str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)]
    if named != [semantics_identifier(expected.national_code)]:
        return MatchFault.PERSON
    whole = signature is not None and len(challenge) == CHALLENGE_BYTES
    signed = whole and _signed(certificate, signature or b"", challenge)
    return None if signed else MatchFault.SIGNATURE


def _guid(chuid: bytes) -> str | None:
    try:
        return Chuid.parse(chuid).guid.hex if len(chuid) <= MAX_CHUID_BYTES else None
    except CardError:
        return None


def _signed(certificate: x509.Certificate, signature: bytes, challenge: bytes) -> bool:
    key = certificate.public_key()
    if len(signature) > MAX_SIGNATURE_BYTES or not isinstance(
        key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)
    ):
        return False
    try:
        check_signature(key, signature, signed_content(challenge), SHA256())
    except InvalidSignature:
        return False
    return True
