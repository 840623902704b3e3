"""Attestation, Yubico's way: the card states in a certificate that it made a key itself.

The form and the extensions are of "PIV Attestation" (Yubico developer documentation). The names are the
project's own. The factory makes the attestation key (F9) and its certificate (object 5FFF01).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from simulators.card import tlv
from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.memory import CardMemory
from simulators.card.piv import keys
from simulators.card.piv.identifiers import PRIVATE_KEYS, Algorithm, DataObject, KeyReference
from simulators.card.piv.policy import TouchPolicy
from simulators.card.piv.state import PivState
from simulators.card.piv.stored import PrivateKey
from simulators.card.piv.yubico import VERSION, require_no_data

FIRMWARE_VERSION = x509.ObjectIdentifier("1.3.6.1.4.1.41482.3.3")  # three bytes
SERIAL_NUMBER = x509.ObjectIdentifier("1.3.6.1.4.1.41482.3.7")  # INTEGER
POLICY = x509.ObjectIdentifier("1.3.6.1.4.1.41482.3.8")  # PIN policy, touch policy
FORM_FACTOR = x509.ObjectIdentifier("1.3.6.1.4.1.41482.3.9")  # one byte

_UNSPECIFIED_FORM_FACTOR = b"\x00"
_NAME = "Hoviat PIV Attestation"
_SERIAL_BYTES = 16
_POSITIVE = 0x7F  # RFC 5280, section 4.1.2.2: no negative serial
_NON_ZERO = 0x40
_INTEGER = 0x02
# A chip has no clock: it is valid from before it was made, and has no end (RFC 5280, section 4.1.2.5).
_NOT_BEFORE = datetime(2025, 1, 1, tzinfo=UTC)
_NOT_AFTER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
# SP 800-73-5 part 1, table 11: the certificate, uncompressed, and an empty error detection code.
_CERTIFICATE, _CERTIFICATE_INFO, _ERROR_DETECTION = 0x70, 0x71, 0xFE


CERTIFICATE_SIGNING = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
"""keyUsage of who signs certificates and no CRLs."""


@dataclass(frozen=True)
class AttestationAuthority:
    """The manufacturer's authority, which vouches for the attestation keys of its cards."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


class AttestationCommand:
    """ATTEST."""

    def __init__(self, memory: CardMemory, random_bytes: Callable[[int], bytes]) -> None:
        self._memory = memory
        self._random_bytes = random_bytes

    def attest(self, command: Command) -> bytes:
        """A certificate for the key of slot P1, signed by F9.

        :raises StatusError: 6700, 6985 (the key wasn't made on the card), 6A86, 6A88 (no such key, no F9)
        """
        if command.p1 not in PRIVATE_KEYS or command.p2:
            raise StatusError(SW.INCORRECT_P1_P2)
        require_no_data(command)
        attested = self._key(command.p1)
        if not attested.is_generated:
            raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)
        return self._state_origin(command.p1, attested).public_bytes(Encoding.DER)

    def _key(self, reference: int) -> PrivateKey:
        key = self._memory.piv.private_keys.get(reference)
        if key is None:
            raise StatusError(SW.REFERENCE_DATA_NOT_FOUND)
        return key

    def _state_origin(self, reference: int, attested: PrivateKey) -> x509.Certificate:
        signer = keys.decode(self._key(KeyReference.ATTESTATION).key)
        issuer = self._attestation_certificate()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(f"{_NAME} {reference:02x}"))
            .issuer_name(issuer.subject)
            .public_key(keys.decode(attested.key).public_key())
            .serial_number(self._certificate_serial())
            .not_valid_before(issuer.not_valid_before_utc)
            .not_valid_after(issuer.not_valid_after_utc)
        )
        for oid, value in self._statements(attested):
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
        return builder.sign(signer, hashes.SHA256())

    def _attestation_certificate(self) -> x509.Certificate:
        content = self._memory.piv.objects.get(DataObject.ATTESTATION_CERTIFICATE)
        if content is None:
            raise StatusError(SW.REFERENCE_DATA_NOT_FOUND)
        try:
            return x509.load_der_x509_certificate(dict(tlv.parse(content))[_CERTIFICATE])
        except (ValueError, KeyError, StatusError):
            raise StatusError(SW.MEMORY_FAILURE) from None

    def _certificate_serial(self) -> int:
        first, *rest = self._random_bytes(_SERIAL_BYTES)
        return int.from_bytes(bytes((first & _POSITIVE | _NON_ZERO, *rest)), "big")

    def _statements(self, attested: PrivateKey) -> tuple[tuple[x509.ObjectIdentifier, bytes], ...]:
        serial = self._memory.state.serial
        return (
            (FIRMWARE_VERSION, VERSION),
            (SERIAL_NUMBER, tlv.encode(_INTEGER, serial.to_bytes(serial.bit_length() // 8 + 1, "big"))),
            (POLICY, bytes((attested.pin_policy, TouchPolicy.NEVER))),
            (FORM_FACTOR, _UNSPECIFIED_FORM_FACTOR),
        )


def with_attestation_key(piv: PivState, serial: int, authority: AttestationAuthority | None) -> PivState:
    """What the factory does: makes F9 and its certificate, self-signed without an authority."""
    stored, _ = keys.generate(Algorithm.ECC_P256)
    certificate = _certify(stored_key=keys.decode(stored), serial=serial, authority=authority)
    content = (
        tlv.encode(_CERTIFICATE, certificate.public_bytes(Encoding.DER))
        + tlv.encode(_CERTIFICATE_INFO, b"\x00")
        + tlv.encode(_ERROR_DETECTION, b"")
    )
    return piv.with_private_key(KeyReference.ATTESTATION, stored).with_object(
        DataObject.ATTESTATION_CERTIFICATE, content
    )


def _certify(
    stored_key: keys.PrivateKey, serial: int, authority: AttestationAuthority | None
) -> x509.Certificate:
    subject = _named(_NAME, x509.NameAttribute(NameOID.SERIAL_NUMBER, str(serial)))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.certificate.subject if authority else subject)
        .public_key(stored_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(CERTIFICATE_SIGNING, critical=True)
    )
    return builder.sign(authority.key if authority else stored_key, hashes.SHA256())


def _named(common_name: str, *more: x509.NameAttribute[str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name), *more])
