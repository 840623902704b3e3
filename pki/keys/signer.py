"""The one thing the rest of Hoviat knows of a private key: it signs."""

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import HashAlgorithm

SignerPublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class Signer(Protocol):
    """A private key that may live in a file, an HSM or a card."""

    @property
    def public_key(self) -> SignerPublicKey:
        """The matching public key."""
        ...

    def sign(self, message: bytes, algorithm: HashAlgorithm) -> bytes:
        """Hashes and signs `message`: DER ECDSA-Sig-Value for EC keys, PKCS#1 v1.5 for RSA."""
        ...
