"""A card good enough for strangers, made without the registry: keys, self-signed certificates, CHUID, CCC."""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from simulators.card import tlv
from simulators.card.blank import blank_state
from simulators.card.file import CardFile
from simulators.card.piv import keys
from simulators.card.piv.identifiers import Algorithm, DataObject, KeyReference
from simulators.card.piv.state import PivState

SERIAL = 20_251_124


@dataclass(frozen=True)
class ToyCard:
    path: Path
    pin: str
    ca_file: Path
    """Both self-signed certificates: each is its own authority."""


def make(folder: Path) -> ToyCard:
    pin = f"{secrets.randbelow(10**8):08}"
    state = blank_state(SERIAL, pin, f"{secrets.randbelow(10**8):08}", secrets.token_bytes(32))
    piv = replace(state.piv, pin_is_transport=False)
    ca_file = folder / "ca.pem"
    pem = b""
    for reference, algorithm, tag in (
        (KeyReference.AUTHENTICATION, Algorithm.ECC_P256, DataObject.AUTHENTICATION_CERTIFICATE),
        (KeyReference.SIGNATURE, Algorithm.ECC_P384, DataObject.SIGNATURE_CERTIFICATE),
    ):
        piv, certificate = _with_key(piv, reference, algorithm, tag)
        pem += certificate.public_bytes(serialization.Encoding.PEM)
    ca_file.write_bytes(pem)
    piv = piv.with_object(DataObject.CHUID, _chuid())
    piv = piv.with_object(DataObject.CARD_CAPABILITY_CONTAINER, _ccc())
    path = folder / "toy.json"
    CardFile.create(path, replace(state, piv=piv)).close()
    return ToyCard(path, pin, ca_file)


def _with_key(
    piv: PivState, reference: KeyReference, algorithm: Algorithm, tag: DataObject
) -> tuple[PivState, x509.Certificate]:
    stored, _ = keys.generate(algorithm)
    key = serialization.load_der_private_key(stored.value, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = _self_signed(
        key, f"Toy card {reference:02X}", is_signature=reference == KeyReference.SIGNATURE
    )
    # SP 800-73-5 part 1, table 15: certificate, CertInfo (uncompressed), error detection code
    content = tlv.encode(0x70, certificate.public_bytes(serialization.Encoding.DER))
    content += tlv.encode(0x71, b"\0") + tlv.encode(0xFE, b"")
    return piv.with_private_key(reference, stored).with_object(tag, content), certificate


def _self_signed(key: ec.EllipticCurvePrivateKey, name: str, *, is_signature: bool) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=not is_signature,
        content_commitment=is_signature,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _chuid() -> bytes:
    """SP 800-73-5 part 1, table 10: FASC-N, GUID, expiration date, no signature, error detection code."""
    fascn = bytes.fromhex("D4E739DA739CED39CE739DA1685A1082108CE73984119257FC")
    guid = secrets.token_bytes(16)
    return (
        tlv.encode(0x30, fascn)
        + tlv.encode(0x34, guid)
        + tlv.encode(0x35, b"20301231")
        + tlv.encode(0x3E, b"")
        + tlv.encode(0xFE, b"")
    )


def _ccc() -> bytes:
    """SP 800-73-5 part 1, table 9, with what a PIV card fills in."""
    identifier = bytes.fromhex("A000000116FF02") + secrets.token_bytes(14)
    content = tlv.encode(0xF0, identifier)
    content += tlv.encode(0xF1, b"\x21") + tlv.encode(0xF2, b"\x21") + tlv.encode(0xF3, b"")
    content += tlv.encode(0xF4, b"\0") + tlv.encode(0xF5, b"\x10")
    for tag in range(0xF6, 0xFE):
        content += tlv.encode(tag, b"")
    return content + tlv.encode(0xFE, b"")
