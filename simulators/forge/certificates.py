"""Authorities and cards' certificates."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 3, 21, 12, 0, tzinfo=UTC)
"""The time at which forged certificates are valid unless told otherwise."""
ANY_POLICY = "2.5.29.32.0"
"""RFC 5280, section 4.2.1.4: an authority that may issue under every policy."""
POLICY_OID = "2.999.1.1"
"""ITU-T X.660: the arc 2.999 is for examples."""
CITIZEN_CODE = "PNOIR-0499370899"
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def key_usage(*wanted: str) -> x509.KeyUsage:
    """keyUsage with just these bits, spelt as `cryptography` does."""
    unknown = set(wanted) - set(_KEY_USAGES)
    if unknown:
        raise ValueError(f"no such key usage: {unknown}")
    return x509.KeyUsage(*(name in wanted for name in _KEY_USAGES))


def person(*extra: tuple[x509.ObjectIdentifier, str], code: str | None = CITIZEN_CODE) -> x509.Name:
    """A synthetic citizen's name, with further attributes at its end."""
    attributes = [(NameOID.COUNTRY_NAME, "IR"), (NameOID.GIVEN_NAME, "مریم"), (NameOID.SURNAME, "احمدی")]
    if code is not None:
        attributes.append((NameOID.SERIAL_NUMBER, code))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in [*attributes, *extra]])


@dataclass(frozen=True)
class Authority:
    """A certificate authority that signs whatever it is given."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: x509.Certificate


def make_authority(
    name: str = "Citizen CA",
    parent: Authority | None = None,
    path_length: int | None = 0,
    *,
    not_before: datetime = NOW - timedelta(days=1000),
    not_after: datetime = NOW + timedelta(days=4000),
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    policies: Sequence[str] = (ANY_POLICY,),
    key: ec.EllipticCurvePrivateKey | None = None,
    signed_with: hashes.SHA256 | hashes.SHA224 | None = None,
) -> Authority:
    """An authority, on P-256 and signed with SHA-256 unless told otherwise.

    Without a parent it signs itself, and asserts no policies.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(parent.certificate.subject if parent else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
    )
    if parent and policies:
        builder = builder.add_extension(_policies(policies), critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Authority(key, builder.sign(parent.key if parent else key, signed_with or hashes.SHA256()))


@dataclass(frozen=True)
class CardSpec:
    """What a card's certificate says; the defaults are those of a good authentication certificate."""

    key: PrivateKey = field(repr=False)
    subject: x509.Name = field(default_factory=person)
    not_before: datetime = NOW - timedelta(days=1)
    not_after: datetime = NOW + timedelta(days=365)
    usage: x509.KeyUsage | None = field(default_factory=lambda: key_usage("digital_signature"))
    purposes: Sequence[x509.ObjectIdentifier] | None = (ExtendedKeyUsageOID.CLIENT_AUTH,)
    policies: Sequence[str] = (POLICY_OID,)
    authority: bool | None = False
    """The value of basicConstraints' cA; None leaves the extension out."""
    serial: int = 4711
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = ()
    """Further extensions, and whether each is critical."""


class CardChanges(TypedDict, total=False):
    """What may differ from a good card."""

    key: PrivateKey
    subject: x509.Name
    not_before: datetime
    not_after: datetime
    usage: x509.KeyUsage | None
    purposes: Sequence[x509.ObjectIdentifier] | None
    policies: Sequence[str]
    authority: bool | None
    serial: int
    extensions: Sequence[tuple[x509.ExtensionType, bool]]


def changed(spec: CardSpec, changes: CardChanges) -> CardSpec:
    """The same card with these differences."""
    return replace(spec, **changes)


def issue_card(
    issuer: Authority, spec: CardSpec, signed_with: hashes.SHA256 | hashes.SHA224 | None = None
) -> bytes:
    """The DER certificate, signed with SHA-256 unless told otherwise."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(spec.subject)
        .issuer_name(issuer.certificate.subject)
        .public_key(spec.key.public_key())
        .serial_number(spec.serial)
        .not_valid_before(spec.not_before)
        .not_valid_after(spec.not_after)
    )
    for extension, critical in _extensions(spec):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer.key, signed_with or hashes.SHA256()).public_bytes(Encoding.DER)


def _extensions(spec: CardSpec) -> list[tuple[x509.ExtensionType, bool]]:
    extensions: list[tuple[x509.ExtensionType, bool]] = []
    if spec.authority is not None:
        extensions.append((x509.BasicConstraints(ca=spec.authority, path_length=None), True))
    if spec.usage is not None:
        extensions.append((spec.usage, True))
    if spec.purposes is not None:
        extensions.append((x509.ExtendedKeyUsage(list(spec.purposes)), False))
    if spec.policies:
        extensions.append((_policies(spec.policies), False))
    return [*extensions, *spec.extensions]


def _policies(oids: Sequence[str]) -> x509.CertificatePolicies:
    return x509.CertificatePolicies(
        [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in oids]
    )
