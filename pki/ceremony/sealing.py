"""A token's PIN under the officers' secret: AES-256-GCM, its key by HKDF (RFC 5869)."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pki.ceremony.errors import OfficersError

_NONCE_BYTES = 12  # SP 800-38D §5.2.1.1
_KEY_BYTES = 32
_PURPOSE = b"hoviat custody: PIN"


def seal(pin: str, secret: bytes) -> str:
    """Hexadecimal: nonce, ciphertext, tag."""
    nonce = os.urandom(_NONCE_BYTES)
    return (nonce + _cipher(secret).encrypt(nonce, pin.encode(), _PURPOSE)).hex()


def unseal(sealed: str, secret: bytes) -> str:
    """Raises OfficersError for what this secret did not seal."""
    try:
        data = bytes.fromhex(sealed)
        return _cipher(secret).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _PURPOSE).decode()
    except (InvalidTag, ValueError) as error:
        raise OfficersError("the token's PIN was not sealed by these officers") from error


def _cipher(secret: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), _KEY_BYTES, None, _PURPOSE).derive(secret))
