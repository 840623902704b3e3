"""The kinds of keys there are: what profiles allow and key stores make."""

from collections.abc import Mapping
from enum import Enum, unique

from cryptography.hazmat.primitives.asymmetric import ec

from pki.keys.signer import SignerPublicKey


@unique
class KeyKind(Enum):
    """An algorithm with its size. The values are stored; never change one."""

    P256 = "secp256r1"
    P384 = "secp384r1"
    RSA2048 = "rsa2048"
    RSA3072 = "rsa3072"
    RSA4096 = "rsa4096"


CURVES: Mapping[KeyKind, ec.EllipticCurve] = {KeyKind.P256: ec.SECP256R1(), KeyKind.P384: ec.SECP384R1()}
RSA_BITS: Mapping[KeyKind, int] = {KeyKind.RSA2048: 2048, KeyKind.RSA3072: 3072, KeyKind.RSA4096: 4096}
RSA_EXPONENT = 65_537  # FIPS 186-5 §5.4 asks for more than 2^16

_BY_NAME = {kind.value: kind for kind in KeyKind}


def kind_of(key: SignerPublicKey) -> KeyKind | None:
    """The key's kind, or None when nothing here takes it."""
    name = key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else f"rsa{key.key_size}"
    return _BY_NAME.get(name)
