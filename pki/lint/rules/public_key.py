"""The certified key is the one whose possession was proved, and of a kind that the profile takes."""

import hashlib

from pki import der
from pki.keys.kinds import KeyKind
from pki.lint.candidate import Candidate, require

RULE = "public_key"
CLAUSE = "RFC 5280 §4.1.2.7; RFC 5480 §2; RFC 8017 §3.1"
# SubjectPublicKeyInfo up to the coordinates: id-ecPublicKey, the named curve, uncompressed (SEC 1 §2.3.3)
_CURVES = {
    bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"): KeyKind.P256,
    bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004"): KeyKind.P384,
}
_COORDINATES = {KeyKind.P256: 64, KeyKind.P384: 96}
_RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")  # rsaEncryption, NULL
_RSA_KINDS = {2048: KeyKind.RSA2048, 3072: KeyKind.RSA3072, 4096: KeyKind.RSA4096}
_LEAST_EXPONENT = 65_537  # FIPS 186-5 §5.1


def check(candidate: Candidate) -> None:
    """Its hash is the requested key's; its form is one that every verifier reads."""
    spki, expected = candidate.tbs.spki, candidate.expected
    require(hashlib.sha256(spki).digest() == expected.key_hash, RULE, "is not the requested one")
    kind = _kind(spki)
    require(kind in expected.definition.keys, RULE, "is of a kind that the profile doesn't take")


def _kind(spki: bytes) -> KeyKind | None:
    for head, kind in _CURVES.items():
        if spki.startswith(head):
            return kind if len(spki) == len(head) + _COORDINATES[kind] else None
    return _rsa_kind(spki)


def _rsa_kind(spki: bytes) -> KeyKind | None:
    try:
        algorithm, bits = der.parse(spki, der.SEQUENCE).children()
        modulus, exponent = der.parse(bits.content[1:], der.SEQUENCE).children()
        sound = exponent.integer() >= _LEAST_EXPONENT and exponent.integer() % 2 == 1
        size = modulus.integer().bit_length()
    except ValueError:
        return None
    right = sound and algorithm.raw == _RSA_ALGORITHM and bits.content.startswith(b"\x00")
    return _RSA_KINDS.get(size) if right else None
