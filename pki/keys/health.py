"""Does a key still sign? A test signature says so."""

import os

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import HashAlgorithm

from pki.errors import KeyCheckError
from pki.keys.algorithms import algorithm_for
from pki.keys.signer import MessageSigner, SignerPublicKey

# Not the start of any DER value, so that a test signature is never one of a certificate, CRL or answer.
_PREFIX = b"hoviat test signature "
_RANDOM_BYTES = 16


def check_signer(signer: MessageSigner, place: str) -> None:
    """Signs a fresh message and verifies it. Raises KeyCheckError, and what `sign` raises."""
    message = _PREFIX + os.urandom(_RANDOM_BYTES)
    key, algorithm = signer.public_key, algorithm_for(signer.public_key).hash
    signature = signer.sign(message, algorithm)
    try:
        verify_message(key, signature, message, algorithm)
    except InvalidSignature as error:
        raise KeyCheckError(place) from error


def verify_message(key: SignerPublicKey, signature: bytes, message: bytes, algorithm: HashAlgorithm) -> None:
    """Whether the key's own holder signed this. Raises InvalidSignature."""
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, message, padding.PKCS1v15(), algorithm)
    else:
        key.verify(signature, message, ec.ECDSA(algorithm))
