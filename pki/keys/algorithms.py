"""Which hash goes with which key, and how X.509 writes the pair down."""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm

from pki import der, oids
from pki.keys.signer import MessageSigner, SignerPublicKey


@dataclass(frozen=True)
class SignatureAlgorithm:
    """A signature algorithm: its AlgorithmIdentifier in DER, and the hash it signs."""

    identifier: bytes
    hash: HashAlgorithm


# RFC 5758 §3.2: ECDSA has no parameters; RFC 4055 §5: RSA has NULL.
_ECDSA_SHA256 = SignatureAlgorithm(der.sequence((der.object_identifier(oids.ECDSA_WITH_SHA256),)), SHA256())
_ECDSA_SHA384 = SignatureAlgorithm(der.sequence((der.object_identifier(oids.ECDSA_WITH_SHA384),)), SHA384())
_RSA_SHA256 = SignatureAlgorithm(
    der.sequence((der.object_identifier(oids.SHA256_WITH_RSA), der.encode(der.NULL, b""))), SHA256()
)


def algorithm_for(key: SignerPublicKey) -> SignatureAlgorithm:
    """The one this installation signs with: the hash is as strong as the curve; RSA takes SHA-256."""
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return _RSA_SHA256
    return _ECDSA_SHA256 if isinstance(key.curve, ec.SECP256R1) else _ECDSA_SHA384


_ECDSA: Mapping[type[HashAlgorithm | Prehashed], ec.ECDSA] = {
    SHA256: ec.ECDSA(SHA256()),
    SHA384: ec.ECDSA(SHA384()),
}


def ecdsa(algorithm: HashAlgorithm | Prehashed) -> ec.ECDSA:
    """ECDSA with a hash. Our two are kept: making one takes a twentieth of a signature's time."""
    return _ECDSA.get(type(algorithm)) or ec.ECDSA(algorithm)


def sign_structure(signer: MessageSigner, to_be_signed: bytes, after: bytes = b"") -> bytes:
    """Signs, and puts together (`signed_structure`)."""
    algorithm = algorithm_for(signer.public_key)
    return signed_structure(to_be_signed, algorithm, signer.sign(to_be_signed, algorithm.hash), after)


def signed_structure(
    to_be_signed: bytes, algorithm: SignatureAlgorithm, signature: bytes, after: bytes = b""
) -> bytes:
    """SEQUENCE { toBeSigned, signatureAlgorithm, signature, … }, X.509's SIGNED form (RFC 5280 §4.1).

    `after` is DER that follows the signature unsigned: the certificates of an OCSP answer.
    """
    return der.sequence((to_be_signed, algorithm.identifier, der.bit_string(signature), after))
