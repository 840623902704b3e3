"""A private key in a file: PKCS#8 PEM, encrypted under the home's passphrase."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from pki import der
from pki.errors import KeyStoreError, WrongPassphraseError
from pki.keys.algorithms import ecdsa
from pki.keys.disk import read_bounded, write_new_file
from pki.keys.kinds import CURVES, RSA_BITS, RSA_EXPONENT, KeyKind
from pki.keys.pbes2 import SealedKey, WrongKeyError, from_pem, to_pem
from pki.keys.signer import SignerPublicKey, require_digest
from pki.keys.stretching import ScryptParameters
from pki.keys.uris import KEY_FILE_SUFFIX

_MAX_KEY_FILE = 16_384


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
        return self._sign(message, algorithm)

    def sign_digest(self, digest: bytes, algorithm: HashAlgorithm) -> bytes:
        """The same over a digest made before. Raises ValueError if it has another length."""
        require_digest(digest, algorithm)
        return self._sign(digest, Prehashed(algorithm))

    def _sign(self, data: bytes, algorithm: HashAlgorithm | Prehashed) -> bytes:
        if isinstance(self._private_key, rsa.RSAPrivateKey):
            return self._private_key.sign(data, padding.PKCS1v15(), algorithm)
        return self._private_key.sign(data, ecdsa(algorithm))

    @classmethod
    def generate(cls, kind: KeyKind | ec.EllipticCurve) -> "FileSigner":
        """A fresh key."""
        if isinstance(kind, ec.EllipticCurve):
            return cls(ec.generate_private_key(kind))
        return cls(_generate(kind))

    def save(self, path: Path, passphrase: bytes) -> None:
        """Writes the key, encrypted, to a new owner-only file. Raises KeyExistsError, KeyStoreError."""
        key = self._private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        sealed = SealedKey.seal(key, passphrase, shared_parameters(path.parent))
        write_new_file(path, to_pem(sealed.encode()))

    @classmethod
    def load(cls, path: Path, passphrase: bytes) -> "FileSigner":
        """Opens a key file. Raises KeyMissingError, WrongPassphraseError, else KeyStoreError."""
        sealed = _read(path)
        try:
            key = load_der_private_key(sealed.open(passphrase), None)
        except WrongKeyError as error:
            raise WrongPassphraseError(path) from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyStoreError(path, "is damaged") from error
        if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
            raise KeyStoreError(path, "holds a key that is neither EC nor RSA")
        return cls(key)


def shared_parameters(folder: Path) -> ScryptParameters:
    """The salt and cost that the folder's key files share, so that one derivation opens them all."""
    for path in sorted(folder.glob(f"*{KEY_FILE_SUFFIX}")):
        try:
            parameters = _read(path).parameters
        except KeyStoreError:  # one that can't be opened is no reason not to make another
            continue
        if parameters.is_current:
            return parameters
    return ScryptParameters.fresh()


def _read(path: Path) -> SealedKey:
    try:
        return SealedKey.decode(from_pem(read_bounded(path, _MAX_KEY_FILE)))
    except der.DerError as error:
        raise KeyStoreError(path, f"is damaged: {error}") from error
    except ValueError as error:
        raise KeyStoreError(path, str(error)) from error


def _generate(kind: KeyKind) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    curve = CURVES.get(kind)
    return ec.generate_private_key(curve) if curve else rsa.generate_private_key(RSA_EXPONENT, RSA_BITS[kind])
