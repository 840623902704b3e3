"""The manufacturer's attestation authority: it vouches for the attestation key of every body."""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from pki.durable import write_owner_only
from simulators.card.piv.attestation import CERTIFICATE_SIGNING, AttestationAuthority

AUTHORITY_FILE = "attestation-authority.pem"
"""Beside the bodies: key and certificate, readable by its owner alone, as the bodies with their keys are."""
_NAME = "Hoviat PIV Attestation Authority"
_NOT_BEFORE = datetime(2025, 1, 1, tzinfo=UTC)
_NOT_AFTER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  # RFC 5280, 4.1.2.5: no end


class AuthorityFileError(Exception):
    """The file at `path` holds no attestation authority; it is left alone."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: not an attestation authority's key and certificate")
        self.path = path


def attestation_authority(folder: Path) -> AttestationAuthority:
    """The one of the factory that delivers into this folder, made with its first body.

    :raises AuthorityFileError: what is there is none
    """
    path = folder / AUTHORITY_FILE
    if not path.exists():
        _make(path)
    try:
        content = path.read_bytes()
        key = load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: the key is encrypted
        raise AuthorityFileError(path) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise AuthorityFileError(path)
    return AttestationAuthority(certificate, key)


def _make(path: Path) -> None:
    """Writes a new one, unless another process was faster."""
    key = ec.generate_private_key(ec.SECP384R1())
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    content += _root(key).public_bytes(Encoding.PEM)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    write_owner_only(beside, content)
    try:
        os.link(beside, path)  # whole or not at all, and never in place of another
    except FileExistsError:
        return
    finally:
        beside.unlink()


def _root(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(CERTIFICATE_SIGNING, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA384())
    )
