"""The private keys' arithmetic: generation, ECDSA, raw RSA, ECDH (SP 800-78-5)."""

from weakref import WeakKeyDictionary

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from simulators.card import tlv
from simulators.card.iso7816 import SW, StatusError
from simulators.card.piv.identifiers import RSA_KEY_BITS, Algorithm, PublicKeyTag
from simulators.card.piv.stored import StoredKey

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

RSA_PUBLIC_EXPONENT = 65537  # SP 800-78-5, section 3.1
_UNCOMPRESSED = 0x04
CURVES: dict[int, ec.EllipticCurve] = {
    Algorithm.ECC_P256: ec.SECP256R1(),
    Algorithm.ECC_P384: ec.SECP384R1(),
}
# The hash of the curve's own size: with it, "prehashed" means the bytes as they came.
_FULL_HASHES: dict[int, hashes.HashAlgorithm] = {
    Algorithm.ECC_P256: hashes.SHA256(),
    Algorithm.ECC_P384: hashes.SHA384(),
}
_ECDSA = {algorithm: ec.ECDSA(Prehashed(full)) for algorithm, full in _FULL_HASHES.items()}
ASYMMETRIC = frozenset({*CURVES, *RSA_KEY_BITS})
# Reading PKCS #8 costs more than a signature: a key is read once, and a new one never.
_ready: WeakKeyDictionary[StoredKey, PrivateKey] = WeakKeyDictionary()


def is_elliptic(algorithm: Algorithm) -> bool:
    """Whether keys of this algorithm are points on a curve."""
    return algorithm in CURVES


def generate(algorithm: Algorithm) -> tuple[StoredKey, bytes]:
    """A new key pair: the private key to store, the public key template 7F49 to answer."""
    key: PrivateKey
    if is_elliptic(algorithm):
        key = ec.generate_private_key(CURVES[algorithm])
    else:
        key = rsa.generate_private_key(RSA_PUBLIC_EXPONENT, RSA_KEY_BITS[algorithm])
    return store(algorithm, key), tlv.encode(PublicKeyTag.TEMPLATE, _public_elements(key))


def public_elements(stored: StoredKey) -> bytes:
    """The public key of a stored key, as the elements of template 7F49.

    :raises StatusError: 6581, the stored key is damaged
    """
    return _public_elements(decode(stored))


def store(algorithm: Algorithm, key: PrivateKey) -> StoredKey:
    """A private key as it is stored, ready for use."""
    encoded = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    stored = StoredKey(algorithm, encoded)
    _ready[stored] = key
    return stored


def decode(stored: StoredKey) -> PrivateKey:
    """The private key that was stored.

    :raises StatusError: 6581, the stored key is damaged
    """
    key = _ready.get(stored)
    if key is None:
        key = _ready[stored] = _read(stored)
    return key


def _read(stored: StoredKey) -> PrivateKey:
    try:
        key = serialization.load_der_private_key(stored.value, None)
    except (ValueError, UnsupportedAlgorithm):
        raise StatusError(SW.MEMORY_FAILURE) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) or not _is_of(
        stored.algorithm, key
    ):
        raise StatusError(SW.MEMORY_FAILURE)
    return key


def _is_of(algorithm: Algorithm, key: PrivateKey) -> bool:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return is_elliptic(algorithm) and key.curve.name == CURVES[algorithm].name
    return RSA_KEY_BITS.get(algorithm) == key.key_size


def _public_elements(key: PrivateKey) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _point(key.public_key())
    return _modulus_and_exponent(key.public_key())


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return tlv.encode(PublicKeyTag.ECC_POINT, point)


def _modulus_and_exponent(key: rsa.RSAPublicKey) -> bytes:
    numbers = key.public_numbers()
    modulus = numbers.n.to_bytes(key.key_size // 8, "big")
    exponent = numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")
    return tlv.encode(PublicKeyTag.RSA_MODULUS, modulus) + tlv.encode(PublicKeyTag.RSA_EXPONENT, exponent)


def private_operation(stored: StoredKey, challenge: bytes) -> bytes:
    """What GENERAL AUTHENTICATE does to a challenge: an ECDSA signature in DER, or raw RSA.

    :raises StatusError: 6A80, the challenge doesn't fit the key; 6581, the stored key is damaged
    """
    key = decode(stored)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _sign(key, stored.algorithm, challenge)
    return _raw_rsa(key, challenge)


def _sign(key: ec.EllipticCurvePrivateKey, algorithm: Algorithm, digest: bytes) -> bytes:
    length = _FULL_HASHES[algorithm].digest_size
    if not 0 < len(digest) <= length:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    # A shorter digest is the same number with leading zeros (FIPS 186-5, section 6.4.1).
    return key.sign(digest.rjust(length, b"\0"), _ECDSA[algorithm])


def _raw_rsa(key: rsa.RSAPrivateKey, block: bytes) -> bytes:
    """m^d mod n by the Chinese remainder theorem (RFC 8017, section 5.1.2); the host did the padding."""
    numbers = key.private_numbers()
    message = int.from_bytes(block, "big")
    if len(block) != key.key_size // 8 or message >= numbers.public_numbers.n:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    first = pow(message, numbers.dmp1, numbers.p)
    second = pow(message, numbers.dmq1, numbers.q)
    result = second + numbers.q * ((first - second) * numbers.iqmp % numbers.p)
    return result.to_bytes(len(block), "big")


def agree(stored: StoredKey, point: bytes) -> bytes:
    """ECDH: the shared secret's x coordinate (SP 800-56A, section 5.7.1.2).

    :raises StatusError: 6A80, not an uncompressed point of the key's curve, or the key is RSA
    """
    key = decode(stored)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or point[:1] != bytes((_UNCOMPRESSED,)):
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    try:
        peer = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, point)
        return key.exchange(ec.ECDH(), peer)
    except ValueError:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA) from None
