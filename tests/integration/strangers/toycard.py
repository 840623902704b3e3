"""Cards good enough for strangers, made without the registry: keys, self-signed certificates, CHUID, CCC."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from simulators.card import tlv
from simulators.card.blank import blank_state
from simulators.card.file import CardFile
from simulators.card.globalplatform.keyset import KeySet
from simulators.card.piv import keys
from simulators.card.piv.identifiers import Algorithm, DataObject, KeyReference
from simulators.card.piv.objects import certificate_object
from simulators.card.piv.state import PivState

SERIAL = 20_251_124
CARD_NAME = "Toy card"


@unique
class Kind(StrEnum):
    """Which card; the value is its name on the page."""

    EC = "P-256, P-384"
    EC_384 = "P-384"
    RSA = "RSA-2048"
    RSA_3072 = "RSA-3072"
    BLANK = "blank, AES-256"
    BLANK_3DES = "blank, 3DES"


_ELLIPTIC = {
    KeyReference.AUTHENTICATION: Algorithm.ECC_P256,
    KeyReference.SIGNATURE: Algorithm.ECC_P384,
    KeyReference.KEY_MANAGEMENT: Algorithm.ECC_P256,
    KeyReference.CARD_AUTHENTICATION: Algorithm.ECC_P256,
}
_KEYS: Mapping[Kind, Mapping[KeyReference, Algorithm]] = {
    Kind.EC: _ELLIPTIC,
    Kind.EC_384: dict.fromkeys(_ELLIPTIC, Algorithm.ECC_P384),
    Kind.RSA_3072: dict.fromkeys(_ELLIPTIC, Algorithm.RSA_3072),
    Kind.RSA: dict.fromkeys(_ELLIPTIC, Algorithm.RSA_2048),
    Kind.BLANK: {},
    Kind.BLANK_3DES: {},
}


@dataclass(frozen=True)
class ToyCard:
    """A card file, its secrets, and the certificates that it holds."""

    kind: Kind
    path: Path
    pin: str
    puk: str
    management_key: bytes = field(repr=False)
    channel_keys: KeySet = field(repr=False)
    ca_file: Path
    """All certificates: self-signed, each is its own authority."""


def make(folder: Path, kind: Kind) -> ToyCard:
    """A blank's PIN is a transport PIN; the other cards are in their holder's hand."""
    triple_des = kind is Kind.BLANK_3DES
    path, pin, puk = folder / "toy.json", _digits(), _digits()
    management_key = secrets.token_bytes(24 if triple_des else 32)
    # Clients in the field speak SCP03 with AES-128 keys only.
    channel_keys = KeySet(secrets.token_bytes(16), secrets.token_bytes(16), secrets.token_bytes(16))
    state = blank_state(SERIAL, pin, puk, management_key, channel_keys, triple_des=triple_des)
    piv, certificates = state.piv, b""
    for reference, algorithm in _KEYS[kind].items():
        piv, certificate = _with_key(piv, reference, algorithm)
        certificates += certificate.public_bytes(serialization.Encoding.PEM)
    if certificates:
        piv = replace(piv, pin_is_transport=False)
        piv = piv.with_object(DataObject.CHUID, _chuid())
        piv = piv.with_object(DataObject.CARD_CAPABILITY_CONTAINER, _ccc())
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(certificates)
    CardFile.create(path, replace(state, piv=piv)).close()
    return ToyCard(kind, path, pin, puk, management_key, channel_keys, ca_file)


def _digits() -> str:
    return f"{secrets.randbelow(10**8):08}"


def _with_key(
    piv: PivState, reference: KeyReference, algorithm: Algorithm
) -> tuple[PivState, x509.Certificate]:
    stored, _ = keys.generate(algorithm)
    certificate = _self_signed(keys.decode(stored), reference)
    # SP 800-73-5 part 1, table 11: certificate, CertInfo (uncompressed), error detection code
    content = tlv.encode(0x70, certificate.public_bytes(serialization.Encoding.DER))
    content += tlv.encode(0x71, b"\0") + tlv.encode(0xFE, b"")
    return piv.with_private_key(reference, stored).with_object(
        certificate_object(reference), content
    ), certificate


def _self_signed(key: keys.PrivateKey, reference: KeyReference) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{CARD_NAME} {reference:02X}")])
    now = datetime.now(UTC)
    is_elliptic = not hasattr(key, "decrypt")
    manages = reference == KeyReference.KEY_MANAGEMENT
    usage = x509.KeyUsage(
        digital_signature=not manages and reference != KeyReference.SIGNATURE,
        content_commitment=reference == KeyReference.SIGNATURE,
        key_encipherment=manages and not is_elliptic,
        data_encipherment=False,
        key_agreement=manages and is_elliptic,
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
