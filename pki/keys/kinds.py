"""The kinds of keys there are: what profiles allow and key stores make."""

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


_BY_NAME = {kind.value: kind for kind in KeyKind}


def kind_of(key: SignerPublicKey) -> KeyKind | None:
    """The key's kind, or None when nothing here takes it."""
    name = key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else f"rsa{key.key_size}"
    return _BY_NAME.get(name)
