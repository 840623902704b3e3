"""Signatures of certificates, CRLs and OCSP answers: which algorithms count, and which keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

from pki import der
from pki.der import DerError, Element
from pki.validation.reading import cached, identifier, members, tagged, whole_bytes
from pki.validation.usualkeys import usual_curve

VerifyingKey: TypeAlias = (
    rsa.RSAPublicKey
    | ec.EllipticCurvePublicKey
    | dsa.DSAPublicKey
    | ed25519.Ed25519PublicKey
    | ed448.Ed448PublicKey
)

_MAX_KEY_BYTES = 4096
_MAX_RSA_BITS = 8192
"""Longer ones would only cost time."""
_MIN_RSA_BITS = 1024
_CURVES = frozenset(
    {
        "secp224r1",
        "secp256r1",
        "secp384r1",
        "secp521r1",
        "brainpoolP256r1",
        "brainpoolP384r1",
        "brainpoolP512r1",
    }
)
_DSA = "1.2.840.10040.4.1"  # RFC 3279 §2.3.2
_RSASSA_PSS = "1.2.840.113549.1.1.10"  # RFC 4055 §3.1
_MGF1 = "1.2.840.113549.1.1.8"  # RFC 4055 §2.2
_PSS_DEFAULT_SALT = 20
_PSS_TRAILER = 1

_SHA1 = hashes.SHA1()  # noqa: S303 - read where a policy admits it
"""The one object that stands for it here."""
_HASHES: Mapping[str, HashAlgorithm] = {
    "1.3.14.3.2.26": _SHA1,
    "2.16.840.1.101.3.4.2.4": hashes.SHA224(),
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
_RSA = {
    "1.2.840.113549.1.1.5": _SHA1,
    "1.2.840.113549.1.1.14": hashes.SHA224(),
    "1.2.840.113549.1.1.11": hashes.SHA256(),
    "1.2.840.113549.1.1.12": hashes.SHA384(),
    "1.2.840.113549.1.1.13": hashes.SHA512(),
}
"""RFC 4055 §5. MD5 and older are nobody's any more."""
_ECDSA = {
    "1.2.840.10045.4.1": _SHA1,
    "1.2.840.10045.4.3.1": hashes.SHA224(),
    "1.2.840.10045.4.3.2": hashes.SHA256(),
    "1.2.840.10045.4.3.3": hashes.SHA384(),
    "1.2.840.10045.4.3.4": hashes.SHA512(),
}
"""RFC 5758 §3.2."""
_DSA_HASHES = {
    "1.2.840.10040.4.3": _SHA1,
    "2.16.840.1.101.3.4.3.1": hashes.SHA224(),
    "2.16.840.1.101.3.4.3.2": hashes.SHA256(),
}
"""RFC 5758 §3.1."""
_EDWARDS = {"1.3.101.112": "Ed25519", "1.3.101.113": "Ed448"}
"""RFC 8410 §3."""


class SignatureError(Exception):
    """The signature is not by this key."""


class AlgorithmError(SignatureError):
    """The key or the algorithm is not accepted, whatever the signature."""


@dataclass(frozen=True)
class Scheme:
    """An AlgorithmIdentifier, understood."""

    family: str
    hash: HashAlgorithm | None
    """None: the hash belongs to the algorithm."""
    salt: int | None = None
    """Length in bytes; None: not RSASSA-PSS."""
    ecdsa: ec.ECDSA | None = None
    """Ready made: it costs as much as a third of a signature check."""


@cached
def scheme_of(algorithm: bytes) -> Scheme:
    """Reads a DER AlgorithmIdentifier. Raises AlgorithmError for any that doesn't count, DerError."""
    oid, parameters = _algorithm(der.parse(algorithm, der.SEQUENCE))
    if oid in _RSA and (parameters is None or parameters.raw == der.encode(der.NULL, b"")):
        return Scheme("RSA", _RSA[oid])
    if oid == _RSASSA_PSS:
        return _pss(parameters)
    # RFC 5758 §3.1, §3.2, RFC 8410 §3: no parameters; a NULL is met and harms nothing
    if parameters is None or parameters.raw == der.encode(der.NULL, b""):
        if oid in _ECDSA:
            return Scheme("ECDSA", _ECDSA[oid], ecdsa=ec.ECDSA(_ECDSA[oid]))
        if oid in _DSA_HASHES:
            return Scheme("DSA", _DSA_HASHES[oid])
        if oid in _EDWARDS:
            return Scheme(_EDWARDS[oid], None)
    raise AlgorithmError(f"signature algorithm {oid} is not accepted")


def _algorithm(element: Element) -> tuple[str, Element | None]:
    parts = members(element.raw)
    if not 1 <= len(parts) <= 2:  # noqa: PLR2004 - algorithm, parameters OPTIONAL
        raise DerError("an AlgorithmIdentifier has one or two parts")
    return identifier(parts[0]), parts[1] if len(parts) > 1 else None


def _pss(parameters: Element | None) -> Scheme:
    """RSASSA-PSS-params, RFC 4055 §3.1: the same hash twice, trailer 1."""
    if parameters is None:
        raise AlgorithmError("RSASSA-PSS without parameters signs nothing")
    parts = tagged(members(parameters.raw), frozenset({0xA0, 0xA1, 0xA2, 0xA3}))
    digest = _hash(_inner(parts.get(0xA0)))
    mask = _inner(parts.get(0xA1))
    generator, inner = (_MGF1, None) if mask is None else _algorithm(mask)
    salt, trailer = _number(parts.get(0xA2), _PSS_DEFAULT_SALT), _number(parts.get(0xA3), _PSS_TRAILER)
    if generator != _MGF1 or _hash(inner).name != digest.name or trailer != _PSS_TRAILER:
        raise AlgorithmError("these RSASSA-PSS parameters are not accepted")
    return Scheme("RSA", digest, salt)


def _inner(part: Element | None) -> Element | None:
    return None if part is None else der.parse(part.content, der.SEQUENCE)


def _number(part: Element | None, default: int) -> int:
    return default if part is None else der.parse(part.content, der.INTEGER).integer()


def _hash(element: Element | None) -> HashAlgorithm:
    if element is None:
        return _SHA1
    oid, _parameters = _algorithm(element)
    if oid not in _HASHES:
        raise AlgorithmError(f"hash {oid} is not accepted")
    return _HASHES[oid]


def verify(algorithm: bytes, key: VerifyingKey, signature: bytes, message: bytes, *, sha1: bool) -> None:
    """`sha1`: whether signatures over SHA-1 count. Raises SignatureError, AlgorithmError, DerError."""
    scheme = scheme_of(algorithm)
    if scheme.hash is _SHA1 and not sha1:
        raise AlgorithmError("is signed over SHA-1, which this policy refuses")
    try:
        _verify(scheme, key, signature, message)
    except InvalidSignature as error:
        raise SignatureError("is not signed by its issuer's key") from error
    except (UnsupportedAlgorithm, ValueError) as error:
        raise AlgorithmError("this key can't verify this signature") from error


def _verify(scheme: Scheme, key: VerifyingKey, signature: bytes, message: bytes) -> None:
    if scheme.ecdsa is not None and isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, message, scheme.ecdsa)
    elif isinstance(key, rsa.RSAPublicKey) and scheme.family == "RSA" and scheme.hash:
        key.verify(signature, message, _padding(scheme), scheme.hash)
    elif isinstance(key, dsa.DSAPublicKey) and scheme.family == "DSA" and scheme.hash:
        key.verify(signature, message, scheme.hash)
    elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) and scheme.family == _edwards(key):
        key.verify(signature, message)
    else:
        raise SignatureError("is signed by another kind of key than its issuer's")


def _edwards(key: ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) -> str:
    return "Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else "Ed448"


def _padding(scheme: Scheme) -> padding.AsymmetricPadding:
    if scheme.salt is None or scheme.hash is None:
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(scheme.hash), scheme.salt)


def verifying_key(spki: bytes, inherit: VerifyingKey | None = None) -> VerifyingKey:
    """The key in a SubjectPublicKeyInfo; a DSA key without parameters takes those of `inherit`.

    RFC 5280 §6.1.4 (d) to (f). Raises AlgorithmError, DerError.
    """
    bare = None if usual_curve(spki) else _dsa_without_parameters(spki)
    if bare is None:
        return _load(spki)
    if not isinstance(inherit, dsa.DSAPublicKey):
        raise AlgorithmError("a DSA key has no parameters, and its issuer's has none to give")
    try:
        return dsa.DSAPublicNumbers(bare, inherit.public_numbers().parameter_numbers).public_key()
    except ValueError as error:
        raise AlgorithmError("a DSA key doesn't fit its issuer's parameters") from error


def inherits(spki: bytes) -> bool:
    """Whether the key is whole only together with its issuer's. Raises DerError."""
    return _dsa_without_parameters(spki) is not None


@cached
def _dsa_without_parameters(spki: bytes) -> int | None:
    algorithm, key = _key_parts(spki)
    oid, parameters = _algorithm(algorithm)
    if oid != _DSA or (parameters is not None and parameters.tag == der.SEQUENCE):
        return None
    return der.parse(whole_bytes(key.tag, key.content), der.INTEGER).integer()


def key_bits(spki: bytes) -> bytes:
    """The content of subjectPublicKey, which OCSP hashes (RFC 6960 §4.1.1). Raises DerError."""
    key = _key_parts(spki)[1]
    return whole_bytes(key.tag, key.content)


def _key_parts(spki: bytes) -> tuple[Element, Element]:
    if len(spki) > _MAX_KEY_BYTES:
        raise AlgorithmError("the key is too long")
    parts = members(spki)
    if len(parts) != 2:  # noqa: PLR2004 - SubjectPublicKeyInfo ::= SEQUENCE { algorithm, subjectPublicKey }
        raise DerError("a SubjectPublicKeyInfo has two parts")
    return parts[0], parts[1]


@lru_cache(maxsize=512)
def _load(spki: bytes) -> VerifyingKey:
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise AlgorithmError("the key can't be read") from error
    if usual_curve(spki) and isinstance(key, ec.EllipticCurvePublicKey):
        return key
    if isinstance(key, rsa.RSAPublicKey):
        if not _MIN_RSA_BITS <= key.key_size <= _MAX_RSA_BITS:
            raise AlgorithmError("the RSA key is too short or too long")
        return key
    if isinstance(key, ec.EllipticCurvePublicKey):
        parameters = _algorithm(_key_parts(spki)[0])[1]
        if key.curve.name not in _CURVES or parameters is None or parameters.tag != der.OBJECT_IDENTIFIER:
            raise AlgorithmError("the key's curve is not accepted, or not named (RFC 5480 §2.1.1)")
        return key
    if isinstance(key, dsa.DSAPublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return key
    raise AlgorithmError("a key of this kind signs nothing")
