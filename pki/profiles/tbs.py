"""The to-be-signed part of a certificate: written from a profile, and read back for whoever checks it."""

from dataclasses import dataclass

from cryptography import x509

from pki import der
from pki.profiles.extensions import PublicAddresses
from pki.profiles.facts import IssuerFacts, Validity, validity_from
from pki.profiles.shape import ProfileDefinition
from pki.profiles.template import VERSION, template_for

__all__ = [
    "MAX_CERTIFICATE_BYTES",
    "IssuerFacts",
    "TbsFields",
    "Validity",
    "encode_tbs",
    "issuer_of",
    "read_tbs",
    "subject_of",
    "tbs_of",
    "validity_from",
]

MAX_CERTIFICATE_BYTES = 16_384


@dataclass(frozen=True)
class TbsFields:
    """The parts of a TBSCertificate, as they stand in its bytes."""

    serial: int
    signature_algorithm: bytes
    issuer: bytes
    subject: bytes
    spki: bytes


def encode_tbs(
    definition: ProfileDefinition,
    serial: int,
    subject: bytes,
    spki: bytes,
    validity: Validity,
    issuer: IssuerFacts,
    addresses: PublicAddresses,
    crl_scope: str,
) -> bytes:
    """TBSCertificate, version 3 (RFC 5280 §4.1). `subject` and `spki` are DER. Raises SubjectError.

    `crl_scope` names the CRL that covers the serial: `pki.hierarchy.crl_scope`.
    """
    return template_for(definition, issuer, addresses, crl_scope).encode(serial, subject, spki, validity)


def read_tbs(tbs: bytes) -> TbsFields:
    """The parts of a version 3 TBSCertificate without unique identifiers. Raises DerError."""
    if len(tbs) > MAX_CERTIFICATE_BYTES:
        raise der.DerError("the certificate is too long")
    parts = der.parse(tbs, der.SEQUENCE).children()
    try:
        version, serial, algorithm, issuer, _validity, subject, spki, _extensions = parts
    except ValueError as error:
        raise der.DerError("not the eight parts of a version 3 certificate") from error
    if version.raw != VERSION:
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
