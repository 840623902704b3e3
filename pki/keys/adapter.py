"""Lets cryptography's builders sign through any `Signer`, wherever its key lives."""

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    PrivateFormat,
)
from cryptography.utils import Buffer

from pki.keys.signer import MessageSigner


class KeyOperationRefusedError(TypeError):
    """A `Signer` only hashes and signs; it gives nothing out and does nothing else."""

    def __init__(self) -> None:
        super().__init__("this key only hashes and signs whole messages")


def private_key_of(signer: MessageSigner) -> "SignerPrivateKey | RsaSignerPrivateKey":
    """The object to hand to a builder's `sign`."""
    if isinstance(signer.public_key, rsa.RSAPublicKey):
        return RsaSignerPrivateKey(signer, signer.public_key)
    return SignerPrivateKey(signer, signer.public_key)


class SignerPrivateKey(ec.EllipticCurvePrivateKey):
    """An EC `Signer` in the clothes of a private key."""

    def __init__(self, signer: MessageSigner, public_key: ec.EllipticCurvePublicKey) -> None:
        self._signer = signer
        self._public_key = public_key

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The matching public key."""
        return self._public_key

    @property
    def curve(self) -> ec.EllipticCurve:
        """The key's curve."""
        return self._public_key.curve

    @property
    def key_size(self) -> int:
        """Bits of the curve's order."""
        return self._public_key.key_size

    def sign(self, data: Buffer, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """DER ECDSA-Sig-Value over `data`. Raises KeyOperationRefusedError for a prehashed one."""
        algorithm = signature_algorithm.algorithm
        if isinstance(algorithm, Prehashed):
            raise KeyOperationRefusedError
        return self._signer.sign(bytes(data), algorithm)

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> bytes:  # noqa: ARG002
        """Refused."""
        raise KeyOperationRefusedError

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        """Refused."""
        raise KeyOperationRefusedError

    def private_bytes(
        self,
        encoding: Encoding,  # noqa: ARG002
        format: PrivateFormat,  # noqa: A002, ARG002 - the base class's name
        encryption_algorithm: KeySerializationEncryption,  # noqa: ARG002
    ) -> bytes:
        """Refused."""
        raise KeyOperationRefusedError

    def __copy__(self) -> "SignerPrivateKey":
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "SignerPrivateKey":
        return self


class RsaSignerPrivateKey(rsa.RSAPrivateKey):
    """An RSA `Signer` in the clothes of a private key; PKCS#1 v1.5 only."""

    def __init__(self, signer: MessageSigner, public_key: rsa.RSAPublicKey) -> None:
        self._signer = signer
        self._public_key = public_key

    def public_key(self) -> rsa.RSAPublicKey:
        """The matching public key."""
        return self._public_key

    @property
    def key_size(self) -> int:
        """Bits of the modulus."""
        return self._public_key.key_size

    def sign(
        self,
        data: bytes,
        padding: AsymmetricPadding,
        algorithm: Prehashed | HashAlgorithm | NoDigestInfo,
    ) -> bytes:
        """PKCS#1 v1.5 over `data`. Raises KeyOperationRefusedError for anything else."""
        if not isinstance(padding, PKCS1v15) or not isinstance(algorithm, HashAlgorithm):
            raise KeyOperationRefusedError
        return self._signer.sign(bytes(data), algorithm)

    def decrypt(self, ciphertext: bytes, padding: AsymmetricPadding) -> bytes:  # noqa: ARG002
        """Refused."""
        raise KeyOperationRefusedError

    def private_numbers(self) -> rsa.RSAPrivateNumbers:
        """Refused."""
        raise KeyOperationRefusedError

    def private_bytes(
        self,
        encoding: Encoding,  # noqa: ARG002
        format: PrivateFormat,  # noqa: A002, ARG002 - the base class's name
        encryption_algorithm: KeySerializationEncryption,  # noqa: ARG002
    ) -> bytes:
        """Refused."""
        raise KeyOperationRefusedError

    def __copy__(self) -> "RsaSignerPrivateKey":
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "RsaSignerPrivateKey":
        return self
