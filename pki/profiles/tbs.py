"""The to-be-signed part of a certificate: written from a profile, and read back for whoever checks it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509

from pki import der
from pki.keys.identifiers import key_identifier
from pki.profiles.definitions import Life, ProfileDefinition
from pki.profiles.extensions import KeyIdentifiers, PublicAddresses, encode_extensions

_VERSION_3 = 2
MAX_CERTIFICATE_BYTES = 16_384


@dataclass(frozen=True)
class Validity:
    """Whole UTC seconds; both ends belong to it (RFC 5280 §4.1.2.5)."""

    not_before: datetime
    not_after: datetime


@dataclass(frozen=True)
class IssuerFacts:
    """What a certificate takes from its issuer."""

    name: str
    """The issuer's short name, part of its addresses: `root`, `citizen`."""
    subject: bytes = field(repr=False)
    """DER Name."""
    key_identifier: bytes
    validity: Validity
    signature_algorithm: bytes = field(repr=False)
    """DER AlgorithmIdentifier with which it signs."""


@dataclass(frozen=True)
class TbsFields:
    """The parts of a TBSCertificate, as they stand in its bytes."""

    serial: int
    signature_algorithm: bytes
    issuer: bytes
    subject: bytes
    spki: bytes


def validity_from(now: datetime, life: Life, issuer: Validity | None) -> Validity:
    """From this whole second for the profile's life less one second, never past the issuer's end."""
    start = now.replace(microsecond=0)
    end = _years_later(start, life.years) + timedelta(days=life.days, seconds=-1)
    return Validity(start, end if issuer is None else min(end, issuer.not_after))


def _years_later(moment: datetime, years: int) -> datetime:
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:  # 29 February
        return moment.replace(year=moment.year + years, day=28)


def encode_tbs(
    definition: ProfileDefinition,
    serial: int,
    subject: bytes,
    spki: bytes,
    validity: Validity,
    issuer: IssuerFacts,
    addresses: PublicAddresses,
) -> bytes:
    """TBSCertificate, version 3 (RFC 5280 §4.1). `subject` and `spki` are DER."""
    keys = KeyIdentifiers(key_identifier(spki), issuer.key_identifier)
    return der.sequence(
        (
            der.context(0, der.integer(_VERSION_3)),
            der.integer(serial),
            issuer.signature_algorithm,
            issuer.subject,
            der.sequence((der.time(validity.not_before), der.time(validity.not_after))),
            subject,
            spki,
            der.context(3, encode_extensions(definition, keys, issuer.name, addresses)),
        )
    )


def read_tbs(tbs: bytes) -> TbsFields:
    """The parts of a version 3 TBSCertificate without unique identifiers. Raises DerError."""
    if len(tbs) > MAX_CERTIFICATE_BYTES:
        raise der.DerError("the certificate is too long")
    parts = der.parse(tbs, der.SEQUENCE).children()
    try:
        version, serial, algorithm, issuer, _validity, subject, spki, _extensions = parts
    except ValueError as error:
        raise der.DerError("not the eight parts of a version 3 certificate") from error
    if version.raw != der.context(0, der.integer(_VERSION_3)):
        raise der.DerError("not a version 3 certificate")
    return TbsFields(serial.integer(), algorithm.raw, issuer.raw, subject.raw, spki.raw)


def tbs_of(certificate: bytes) -> bytes:
    """The exact bytes of a DER certificate's TBSCertificate. Raises DerError."""
    if len(certificate) > MAX_CERTIFICATE_BYTES:
        raise der.DerError("the certificate is too long")
    parts = der.parse(certificate, der.SEQUENCE).children()
    if not parts:
        raise der.DerError("an empty certificate")
    return parts[0].raw


def subject_of(certificate: x509.Certificate) -> bytes:
    """The DER subject, untouched by any reader of names. Raises DerError."""
    return read_tbs(certificate.tbs_certificate_bytes).subject


def issuer_of(certificate: x509.Certificate) -> bytes:
    """The DER issuer, untouched by any reader of names. Raises DerError."""
    return read_tbs(certificate.tbs_certificate_bytes).issuer
