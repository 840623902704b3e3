"""The one thing the rest of Hoviat knows of a private key: it signs."""

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import HashAlgorithm

SignerPublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class MessageSigner(Protocol):
    """A private key that sees what it signs: whole messages only. A card's is one, and so is a lint's.

    `sign` raises KeyStoreError where the key can't sign; a card's raises its reader's errors instead.
    """

    @property
    def public_key(self) -> SignerPublicKey:
        """The matching public key."""
        ...

    def sign(self, message: bytes, algorithm: HashAlgorithm) -> bytes:
        """Hashes and signs `message`: DER ECDSA-Sig-Value for EC keys, PKCS#1 v1.5 for RSA."""
        ...


class Signer(MessageSigner, Protocol):
    """An authority's key, in a file or on a PKCS#11 token. Any thread may sign at any time.

    A key in a file has no reason to fail. One on a token raises a TokenError, of which TokenUnavailableError
    may go away by itself; after a reset of the token also PinSourceError and KeyMissingError.
    """

    def sign_digest(self, digest: bytes, algorithm: HashAlgorithm) -> bytes:
        """What `sign` makes, over a message of which only the digest by `algorithm` is at hand.

        Raises ValueError for a digest of another length.
        """
        ...


def require_digest(digest: bytes, algorithm: HashAlgorithm) -> None:
    """Raises ValueError for a digest that `algorithm` can't have made."""
    if len(digest) != algorithm.digest_size:
        raise ValueError(f"a {algorithm.name} digest has {algorithm.digest_size} bytes, not {len(digest)}")
