"""The nine signature algorithms of Web eID (names of RFC 7518, section 3.1), and their verification."""

import hashlib
from dataclasses import dataclass
from enum import Enum, unique

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from verifier.authentication.errors import KeyMismatchError, SignatureError

CardPublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@unique
class Scheme(Enum):
    """How the digest becomes a signature."""

    ECDSA = "ES"
    RSASSA_PSS = "PS"
    RSASSA_PKCS1_V1_5 = "RS"


@unique
class SignatureAlgorithm(Enum):
    """Spelt as in the token."""

    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"

    @property
    def scheme(self) -> Scheme:
        """The first two letters of the name."""
        return Scheme(self.value[:2])

    @property
    def digest(self) -> "Digest":
        """The hash function that the name's number stands for."""
        return _DIGESTS[self.value[2:]]


@dataclass(frozen=True)
class Digest:
    """A hash function, and the curve that RFC 7518, section 3.4, pairs with it."""

    name: str
    algorithm: hashes.HashAlgorithm
    curve: str
    coordinate_bytes: int
    ecdsa: ec.ECDSA
    """Made once: to make one costs as much as a third of a signature check."""


_DIGESTS = {
    "256": Digest("sha256", hashes.SHA256(), ec.SECP256R1.name, 32, ec.ECDSA(hashes.SHA256())),
    "384": Digest("sha384", hashes.SHA384(), ec.SECP384R1.name, 48, ec.ECDSA(hashes.SHA384())),
    "512": Digest("sha512", hashes.SHA512(), ec.SECP521R1.name, 66, ec.ECDSA(hashes.SHA512())),
}


def signed_message(algorithm: SignatureAlgorithm, origin: str, nonce: str) -> bytes:
    """What the card signs: hash(origin) ‖ hash(nonce), the nonce hashed as text."""
    name = algorithm.digest.name
    return b"".join(hashlib.new(name, part.encode()).digest() for part in (origin, nonce))


def verify_signature(
    algorithm: SignatureAlgorithm, key: CardPublicKey | None, signature: bytes, origin: str, nonce: str
) -> None:
    """Step 7: raises KeyMismatchError for another kind of key than the algorithm's, SignatureError unless it
    signed this origin and nonce.

    No key (an RSA key that is not even read) signed nothing.
    """
    _check_key(algorithm, key)
    message = signed_message(algorithm, origin, nonce)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            _verify_ecdsa(algorithm, key, signature, message)
        elif key is not None:
            _verify_rsa(algorithm, key, signature, message)
        else:
            raise SignatureError
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
        raise SignatureError from error


def _check_key(algorithm: SignatureAlgorithm, key: CardPublicKey | None) -> None:
    if isinstance(key, ec.EllipticCurvePublicKey):
        # The curve belongs to the hash (RFC 7518, section 3.4): no ES256 on P-384.
        if algorithm.scheme is not Scheme.ECDSA or key.curve.name != algorithm.digest.curve:
            raise KeyMismatchError(algorithm.value, f"EC {key.curve.name}")
    elif algorithm.scheme is Scheme.ECDSA:
        raise KeyMismatchError(algorithm.value, "RSA")


def _verify_ecdsa(
    algorithm: SignatureAlgorithm, key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes
) -> None:
    digest = algorithm.digest
    size = digest.coordinate_bytes
    # R ‖ S of exact length (RFC 7518, section 3.4): DER and shortened halves are refused.
    if algorithm.scheme is not Scheme.ECDSA or len(signature) != 2 * size:
        raise SignatureError
    r = int.from_bytes(signature[:size], "big")
    s = int.from_bytes(signature[size:], "big")
    key.verify(encode_dss_signature(r, s), message, digest.ecdsa)


def _verify_rsa(
    algorithm: SignatureAlgorithm, key: rsa.RSAPublicKey, signature: bytes, message: bytes
) -> None:
    hash_algorithm = algorithm.digest.algorithm
    match algorithm.scheme:
        case Scheme.RSASSA_PKCS1_V1_5:
            key.verify(signature, message, padding.PKCS1v15(), hash_algorithm)
        case Scheme.RSASSA_PSS:
            # The salt is as long as the hash (RFC 7518, section 3.5); no other length is accepted.
            pss = padding.PSS(padding.MGF1(hash_algorithm), hash_algorithm.digest_size)
            key.verify(signature, message, pss, hash_algorithm)
        case Scheme.ECDSA:
            raise SignatureError
