"""The card's certificate as plain facts (step 3): every look into the library's objects happens here."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID

from verifier.authentication import base64text
from verifier.authentication.algorithms import CardPublicKey
from verifier.authentication.errors import CertificateDecodingError, CriticalExtensionError

LIBRARY_FAILURES = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""Everything that `cryptography` is documented, or was seen, to raise over a certificate it dislikes."""

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

_UNDERSTOOD_CRITICAL = frozenset(
    {
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)


@dataclass(frozen=True)
class CardCertificate:
    """What a card's certificate states; nothing here is verified yet."""

    certificate: x509.Certificate = field(repr=False)
    public_key: CardPublicKey = field(repr=False)
    serial: int
    issuer: bytes = field(repr=False)
    """The issuer's name in DER."""
    not_before: datetime
    not_after: datetime
    subject: tuple[tuple[str, str], ...] = field(repr=False)
    """Attribute type (dotted OID) and value, in the certificate's order."""
    key_usage: x509.KeyUsage | None
    extended_key_usage: frozenset[str] | None
    is_authority: bool
    policies: tuple[str, ...]

    @classmethod
    def from_base64(cls, text: str) -> "CardCertificate":
        """Step 3: exactly one DER certificate in strict base64, every extension of it well-formed."""
        try:
            return cls.from_der(base64text.decode(text))
        except base64text.Base64Error as error:
            raise CertificateDecodingError from error

    @classmethod
    def from_der(cls, der: bytes) -> "CardCertificate":
        """As `from_base64`, from the certificate's bytes."""
        try:
            certificate = x509.load_der_x509_certificate(der)
            facts = _read(certificate)
            # The parser refuses trailing bytes; what it re-encodes must be what came.
            complete = certificate.public_bytes(Encoding.DER) == der
        except LIBRARY_FAILURES as error:
            raise CertificateDecodingError from error
        if not complete:
            raise CertificateDecodingError
        _refuse_unknown_critical(certificate)
        return facts

    def attributes(self, oid: x509.ObjectIdentifier) -> tuple[str, ...]:
        """All values of one subject attribute."""
        return tuple(value for name, value in self.subject if name == oid.dotted_string)

    def first_attribute(self, oid: x509.ObjectIdentifier) -> str | None:
        """The first value of one subject attribute, or None."""
        return next(iter(self.attributes(oid)), None)

    @property
    def identity_code(self) -> str | None:
        """The subject's serialNumber, such as PNOIR-0012345679 (ETSI EN 319 412-1, section 5.1.3)."""
        return self.first_attribute(NameOID.SERIAL_NUMBER)


def _read(certificate: x509.Certificate) -> CardCertificate:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise CertificateDecodingError("the key is neither RSA nor on a named elliptic curve")
    extensions = certificate.extensions
    constraints = _find(extensions, x509.BasicConstraints)
    usages = _find(extensions, x509.ExtendedKeyUsage)
    policies = _find(extensions, x509.CertificatePolicies)
    return CardCertificate(
        certificate=certificate,
        public_key=key,
        serial=certificate.serial_number,
        issuer=certificate.issuer.public_bytes(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        subject=tuple((a.oid.dotted_string, _text(a.value)) for a in certificate.subject),
        key_usage=_find(extensions, x509.KeyUsage),
        extended_key_usage=None if usages is None else frozenset(u.dotted_string for u in usages),
        is_authority=constraints is not None and constraints.ca,
        policies=tuple(p.policy_identifier.dotted_string for p in policies or ()),
    )


def _find(extensions: x509.Extensions, kind: type[_Extension]) -> _Extension | None:
    for extension in extensions:
        if isinstance(extension.value, kind):
            return extension.value
    return None


def _text(value: str | bytes) -> str:
    if isinstance(value, bytes):
        raise CertificateDecodingError("a subject attribute is a bit string")
    return value


def _refuse_unknown_critical(certificate: x509.Certificate) -> None:
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD_CRITICAL:
            raise CriticalExtensionError(extension.oid.dotted_string)
