"""Key slots and algorithms (SP 800-73-5 part 1, table 5; SP 800-78-5, table 9)."""

from enum import IntEnum, unique

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cardio.errors import UnsupportedKeyError
from cardio.piv.objects import ObjectId

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@unique
class Slot(IntEnum):
    """Key references of the four private keys."""

    AUTHENTICATION = 0x9A
    """Log-in; the PIN once in a session."""

    SIGNATURE = 0x9C
    """Digital signature; the PIN right before every one."""

    KEY_MANAGEMENT = 0x9D
    """Decryption or key agreement; the PIN once in a session."""

    CARD_AUTHENTICATION = 0x9E
    """The card itself; no PIN."""

    @property
    def certificate_object(self) -> ObjectId:
        """The data object that holds this slot's certificate."""
        return _CERTIFICATE_OBJECTS[self]


_CERTIFICATE_OBJECTS = {
    Slot.AUTHENTICATION: ObjectId.AUTHENTICATION_CERTIFICATE,
    Slot.SIGNATURE: ObjectId.SIGNATURE_CERTIFICATE,
    Slot.KEY_MANAGEMENT: ObjectId.KEY_MANAGEMENT_CERTIFICATE,
    Slot.CARD_AUTHENTICATION: ObjectId.CARD_AUTHENTICATION_CERTIFICATE,
}


@unique
class Algorithm(IntEnum):
    """Algorithm identifiers; AES ones are for the management key only."""

    RSA_3072 = 0x05
    RSA_2048 = 0x07
    AES_128 = 0x08
    AES_192 = 0x0A
    AES_256 = 0x0C
    ECC_P256 = 0x11
    ECC_P384 = 0x14


ASYMMETRIC_ALGORITHMS = frozenset(
    {Algorithm.RSA_2048, Algorithm.RSA_3072, Algorithm.ECC_P256, Algorithm.ECC_P384}
)
MANAGEMENT_ALGORITHMS = {16: Algorithm.AES_128, 24: Algorithm.AES_192, 32: Algorithm.AES_256}
"""By key length in bytes."""

CURVES: dict[Algorithm, ec.EllipticCurve] = {
    Algorithm.ECC_P256: ec.SECP256R1(),
    Algorithm.ECC_P384: ec.SECP384R1(),
}
_BY_CURVE_NAME = {curve.name: algorithm for algorithm, curve in CURVES.items()}
_BY_MODULUS_BITS = {2048: Algorithm.RSA_2048, 3072: Algorithm.RSA_3072}


def algorithm_of(public_key: PublicKey) -> Algorithm:
    """The algorithm identifier for a key.

    :raises UnsupportedKeyError: another curve or modulus length
    """
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        found = _BY_CURVE_NAME.get(public_key.curve.name)
        kind = public_key.curve.name
    else:
        found = _BY_MODULUS_BITS.get(public_key.key_size)
        kind = f"RSA-{public_key.key_size}"
    if found is None:
        raise UnsupportedKeyError(f"PIV keys here are P-256, P-384, RSA-2048 or RSA-3072, not {kind}")
    return found
