"""What the officers' secret protects in the custody file: a token's PIN, and the file itself.

The PIN by AES-256-GCM, the file by HMAC-SHA-256; each under a key of its own by HKDF (RFC 5869 §3.2).
"""

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pki.ceremony.errors import OfficersError

_NONCE_BYTES = 12  # SP 800-38D §5.2.1.1
_KEY_BYTES = 32
_PURPOSE = b"hoviat custody: PIN"
_FILE_PURPOSE = b"hoviat custody: file"


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
    return AESGCM(_key(secret, _PURPOSE))


def authenticate(content: bytes, secret: bytes) -> str:
    """The MAC of a custody file's content, in hexadecimal."""
    return hmac.digest(_key(secret, _FILE_PURPOSE), content, "sha256").hex()


def _key(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, None, purpose).derive(secret)
