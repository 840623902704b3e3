"""Key identifiers: what ties certificates, CRLs and OCSP answers to a key."""

import hashlib

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki import der
from pki.keys.signer import SignerPublicKey


def spki_of(key: SignerPublicKey) -> bytes:
    """DER SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def public_key_bits(spki: bytes) -> bytes:
    """The content of subjectPublicKey without its unused-bits octet: what RFC 5280 and 6960 hash."""
    _algorithm, bits = der.parse(spki, der.SEQUENCE).children()
    return bits.content[1:]


def key_identifier(spki: bytes) -> bytes:
    """The 20-byte SHA-1 of the key's bits (RFC 5280 §4.2.1.2, method 1). An identifier, not a safeguard."""
    return hashlib.sha1(public_key_bits(spki), usedforsecurity=False).digest()
