"""A private key in a file: PKCS#8 PEM, encrypted under the home's passphrase."""

import base64
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from pki import der
from pki.errors import KeyStoreError, WrongPassphraseError
from pki.keys.signer import SignerPublicKey

_OWNER_ONLY = 0o600
_MAX_KEY_FILE = 16_384
_ENCRYPTED_PEM = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"  # RFC 7468 §11


class FileSigner:
    """A key of this process's memory; a `Signer`."""

    def __init__(self, private_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
        self._private_key = private_key
        self._public_key = private_key.public_key()

    def __repr__(self) -> str:
        return "FileSigner(…)"

    @property
    def public_key(self) -> SignerPublicKey:
        """The matching public key."""
        return self._public_key

    def sign(self, message: bytes, algorithm: HashAlgorithm) -> bytes:
        """Hashes and signs `message`: DER ECDSA-Sig-Value for EC keys, PKCS#1 v1.5 for RSA."""
        if isinstance(self._private_key, rsa.RSAPrivateKey):
            return self._private_key.sign(message, padding.PKCS1v15(), algorithm)
        return self._private_key.sign(message, ec.ECDSA(algorithm))

    @classmethod
    def generate(cls, curve: ec.EllipticCurve) -> "FileSigner":
        """A fresh key on `curve`."""
        return cls(ec.generate_private_key(curve))

    def save(self, path: Path, passphrase: bytes) -> None:
        """Writes the key, encrypted, to a new owner-only file. Raises KeyStoreError if there is one."""
        pem = self._private_key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase)
        )
        write_new_file(path, pem)

    @classmethod
    def load(cls, path: Path, passphrase: bytes) -> "FileSigner":
        """Opens a key file. Raises WrongPassphraseError, else KeyStoreError."""
        pem = read_bounded(path, _MAX_KEY_FILE)
        if not pem.lstrip().startswith(_ENCRYPTED_PEM):
            raise KeyStoreError(path, "is not an encrypted PKCS#8 PEM file")
        try:
            key = load_pem_private_key(pem, passphrase)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise _why_not_opened(path, pem) from error
        if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
            raise KeyStoreError(path, "holds a key that is neither EC nor RSA")
        return cls(key)


def _why_not_opened(path: Path, pem: bytes) -> KeyStoreError:
    """A file that is whole in form and still does not open has another passphrase."""
    try:
        body = b"".join(pem.strip().splitlines()[1:-1])
        der.parse(base64.b64decode(body, validate=True), der.SEQUENCE)
    except ValueError:
        return KeyStoreError(path, "is damaged")
    return WrongPassphraseError(path)


def read_bounded(path: Path, limit: int) -> bytes:
    """The file's bytes, at most `limit`. Raises KeyStoreError."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise KeyStoreError(path, f"can't be read: {error.strerror}") from error
    if len(content) > limit:
        raise KeyStoreError(path, "is too long to be a key file")
    return content


def write_new_file(path: Path, content: bytes) -> None:
    """Writes and syncs a new owner-only file; never overwrites one. Raises KeyStoreError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except OSError as error:
        raise KeyStoreError(path, f"can't be created: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
