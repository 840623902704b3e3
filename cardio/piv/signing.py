"""What goes into GENERAL AUTHENTICATE for a signature, and the check of what comes back."""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from cardio.errors import UnexpectedAnswerError, UnsupportedKeyError
from cardio.piv.slots import PublicKey

# DigestInfo before the digest itself, RFC 8017 section 9.2, note 1.
_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
_MIN_PADDING = 8  # RFC 8017 section 9.2: PS is at least 8 bytes
_BLOCK_TYPE_1, _PADDING, _SEPARATOR = b"\x00\x01", b"\xff", b"\x00"


def signature_input(public_key: PublicKey, message: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    """The challenge for the card: a digest of the curve's length, or a padded block of the modulus's.

    :raises UnsupportedKeyError: the hash is not SHA-256, SHA-384 or SHA-512
    """
    if algorithm.name not in _DIGEST_INFO:
        raise UnsupportedKeyError(f"signatures here use SHA-256, SHA-384 or SHA-512, not {algorithm.name}")
    digest = hashlib.new(algorithm.name, message).digest()
    length = (public_key.key_size + 7) // 8
    if isinstance(public_key, rsa.RSAPublicKey):
        return _emsa_pkcs1_v1_5(_DIGEST_INFO[algorithm.name] + digest, length)
    # FIPS 186-5 section 6.4.1: the leftmost bits of a longer digest; zeros before a shorter one.
    return digest[:length].rjust(length, b"\0")


def _emsa_pkcs1_v1_5(digest_info: bytes, length: int) -> bytes:
    """RFC 8017 section 9.2."""
    padding_length = length - len(_BLOCK_TYPE_1) - len(_SEPARATOR) - len(digest_info)
    if padding_length < _MIN_PADDING:
        raise UnsupportedKeyError("the RSA key is too short for this hash")
    return _BLOCK_TYPE_1 + _PADDING * padding_length + _SEPARATOR + digest_info


def check_signature(
    public_key: PublicKey, signature: bytes, message: bytes, algorithm: hashes.HashAlgorithm
) -> None:
    """Makes sure that the card's signature is one of this key: another key in the slot shows at once.

    :raises UnexpectedAnswerError: it is not
    """
    try:
        if isinstance(public_key, rsa.RSAPublicKey):
            public_key.verify(signature, message, padding.PKCS1v15(), algorithm)
        else:
            public_key.verify(signature, message, ec.ECDSA(algorithm))
    except InvalidSignature:
        raise UnexpectedAnswerError(
            "the card's signature does not match the public key; the slot may hold another key"
        ) from None
