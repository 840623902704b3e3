"""The card's certificate as plain facts (step 3): every look into its encoding happens here.

It is read by pki's own reader: libraries refuse what some nations' cards have (an encoded default, NULL
parameters), and what is refused should be refused for a reason of ours.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pki import oids
from pki.der import DerError, Element
from pki.errors import ValidationError
from pki.validation import decoders
from pki.validation.certificate import Certificate, read_certificate
from pki.validation.errors import UnknownCriticalExtensionError
from pki.validation.extensions import check_extensions, is_ca, key_usage
from pki.validation.names import attributes, comparable
from pki.validation.reading import identifier, members, whole_bytes
from pki.validation.signatures import AlgorithmError, verifying_key
from verifier.authentication import base64text
from verifier.authentication.algorithms import CardPublicKey
from verifier.authentication.errors import CertificateDecodingError, CriticalExtensionError

MINIMUM_RSA_BITS = 2048
"""SP 800-131A: no policy accepts less."""
MAXIMUM_RSA_BITS = 8192
"""Larger keys only cost time; none is on any card."""

_MAXIMUM_BYTES = 16_384
"""No card holds a longer certificate (SP 800-73-5 Part 1: 1,905 bytes in a container)."""
_RSA_ENCRYPTION = "1.2.840.113549.1.1.1"  # RFC 4055, section 1.2
_UNDERSTOOD_CRITICAL = frozenset(
    {
        oids.KEY_USAGE,
        oids.EXTENDED_KEY_USAGE,
        oids.BASIC_CONSTRAINTS,
        oids.CERTIFICATE_POLICIES,
        oids.SUBJECT_ALT_NAME,
    }
)
"""Of a card's certificate. What else the path validation understands has no place in one."""


@dataclass(frozen=True)
class CardCertificate:
    """What a card's certificate states; nothing here is verified yet."""

    certificate: Certificate = field(repr=False)
    public_key: CardPublicKey | None = field(repr=False)
    """None: an RSA key of a size that is not even read."""
    rsa_bits: int | None
    """None: a key on an elliptic curve."""
    subject: tuple[tuple[str, str], ...] = field(repr=False)
    """Attribute type (dotted OID) and value, in the certificate's order."""

    @classmethod
    def from_base64(cls, text: str) -> "CardCertificate":
        """Step 3: exactly one DER certificate in strict base64, every extension of it well-formed."""
        return cls.of(decode_certificate(text))

    @classmethod
    def of(cls, certificate: Certificate) -> "CardCertificate":
        """As `from_base64`, from a certificate that was read already."""
        try:
            _check_critical(certificate)
            check_extensions(certificate, 0)
            comparable(certificate.issuer)
            key, bits = _read_key(certificate.spki)
            return cls(certificate, key, bits, _read_subject(certificate.subject))
        except UnknownCriticalExtensionError as error:
            raise CriticalExtensionError(error.oid) from error
        except (DerError, ValidationError) as error:
            raise CertificateDecodingError from error

    def attributes(self, oid: str) -> tuple[str, ...]:
        """All values of one subject attribute."""
        return tuple([value for name, value in self.subject if name == oid])

    def first_attribute(self, oid: str) -> str | None:
        """The first value of one subject attribute, or None."""
        found = self.attributes(oid)
        return found[0] if found else None

    @property
    def identity_code(self) -> str | None:
        """The subject's serialNumber, such as PNOIR-0012345679 (ETSI EN 319 412-1, section 5.1.3)."""
        return self.first_attribute(oids.SERIAL_NUMBER)

    @property
    def serial(self) -> int:
        """The certificate's own serialNumber."""
        return self.certificate.serial

    @property
    def not_before(self) -> datetime:
        """The first moment of its life."""
        return self.certificate.not_before

    @property
    def not_after(self) -> datetime:
        """The last whole second of its life."""
        return self.certificate.not_after

    @property
    def key_usage(self) -> frozenset[int] | None:
        """Numbers of keyUsage's bits (`pki.validation.decoders.Usage`); None without the extension."""
        return key_usage(self.certificate)

    @property
    def extended_key_usage(self) -> frozenset[str] | None:
        """Dotted purposes; None without the extension."""
        return self.certificate.extension(oids.EXTENDED_KEY_USAGE, decoders.key_purposes)

    @property
    def is_authority(self) -> bool:
        """What basicConstraints say."""
        return is_ca(self.certificate)

    @property
    def policies(self) -> frozenset[str]:
        """Dotted certificate policies; none without the extension."""
        found = self.certificate.extension(oids.CERTIFICATE_POLICIES, decoders.certificate_policies)
        return frozenset() if found is None else found

    @property
    def sha256(self) -> str:
        """Fingerprint, 64 hexadecimal digits."""
        return hashlib.sha256(self.certificate.raw).hexdigest()


def decode_certificate(text: str) -> Certificate:
    """One DER certificate in strict base64, not looked into; raises CertificateDecodingError."""
    try:
        raw = base64text.decode(text)
        if len(raw) > _MAXIMUM_BYTES:
            raise CertificateDecodingError
        return read_certificate(raw)
    except (base64text.Base64Error, ValidationError) as error:
        raise CertificateDecodingError from error


def _check_critical(certificate: Certificate) -> None:
    for extension in certificate.extensions.values():
        if extension.critical and extension.oid not in _UNDERSTOOD_CRITICAL:
            raise CriticalExtensionError(extension.oid)


def _read_key(spki: bytes) -> tuple[CardPublicKey | None, int | None]:
    try:
        key = verifying_key(spki)
    except AlgorithmError as error:
        bits = _modulus_bits(spki)
        if MINIMUM_RSA_BITS <= bits <= MAXIMUM_RSA_BITS:
            raise CertificateDecodingError("the key can't be read") from error
        return None, bits
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key, None
    if isinstance(key, rsa.RSAPublicKey):
        return key, key.key_size
    raise CertificateDecodingError("the key is neither RSA nor on a named elliptic curve")


def _modulus_bits(spki: bytes) -> int:
    """The size of an RSA key that can't be opened (RFC 8017, A.1.1). Raises DerError for any other key.

    Zeros before a modulus don't matter here: keys of 2,047 bits were written so.
    """
    algorithm, key = _two(members(spki))
    if identifier(_two(members(algorithm.raw))[0]) != _RSA_ENCRYPTION:
        raise CertificateDecodingError("the key is neither RSA nor on a named elliptic curve")
    modulus, _exponent = _two(members(whole_bytes(key.tag, key.content)))
    return int.from_bytes(modulus.content, "big").bit_length()


def _two(parts: list[Element]) -> tuple[Element, Element]:
    if len(parts) != 2:  # noqa: PLR2004 - RFC 5280, 4.1; RFC 8017, A.1.1
        raise DerError("a pair has two parts")
    return parts[0], parts[1]


def _read_subject(name: bytes) -> tuple[tuple[str, str], ...]:
    found = attributes(name)
    for _, value in found:
        if value is None:
            raise CertificateDecodingError("a subject attribute is no text")
    return tuple((oid, value) for oid, value in found if value is not None)
