"""Which keys are strong enough, told from their bytes: an end entity's key need not be opened for that."""

from pki import der
from pki.der import DerError
from pki.validation.policy import KeyRules
from pki.validation.reading import cached, identifier, members, whole_bytes
from pki.validation.usualkeys import EC_PUBLIC_KEY, usual_curve

_RSA = frozenset({"1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10"})
"""rsaEncryption and id-RSASSA-PSS (RFC 4055 §1.2, §3.1)."""
_DSA = "1.2.840.10040.4.1"  # RFC 3279 §2.3.2
_PARTS = 2
_CURVES = {
    "1.3.132.0.33": "secp224r1",
    "1.2.840.10045.3.1.7": "secp256r1",
    "1.3.132.0.34": "secp384r1",
    "1.3.132.0.35": "secp521r1",
    "1.3.36.3.3.2.8.1.1.7": "brainpoolP256r1",
    "1.3.36.3.3.2.8.1.1.11": "brainpoolP384r1",
    "1.3.36.3.3.2.8.1.1.13": "brainpoolP512r1",
}
"""RFC 5480 §2.1.1.1, RFC 5639 §4.1; of no other is a key taken."""


class WeakKey(Exception):  # noqa: N818 - a finding; where it is found, the path makes it an error
    """The key is smaller than the rules want, or on another curve."""


def require_strength(spki: bytes, rules: KeyRules) -> None:
    """Raises WeakKey, DerError. Keys of other kinds are for those to refuse who would verify with them."""
    curve = usual_curve(spki)
    if curve is not None:
        _require_in(rules, curve)
        return
    parts = der.spans(spki, *der.header(spki, 0)[1:]) if spki else []
    if len(parts) != _PARTS:
        raise DerError("a SubjectPublicKeyInfo has two parts")
    (_, begin, _, end), (tag, _, start, stop) = parts
    oid, parameters = _algorithm(spki[begin:end])
    if oid == EC_PUBLIC_KEY:
        _require_curve(parameters, rules)
    elif oid in _RSA:
        _require_bits("RSA", _modulus(whole_bytes(tag, spki[start:stop])), rules.rsa_bits)
    elif oid == _DSA and parameters[:1] == bytes((der.SEQUENCE,)):  # else they are its issuer's, judged there
        _require_bits("DSA", members(parameters)[0].integer().bit_length(), rules.dsa_bits)


@cached
def _algorithm(raw: bytes) -> tuple[str, bytes]:
    """The identifier, dotted, and the parameters' encoding, empty where there are none."""
    parts = members(raw)
    if not 1 <= len(parts) <= _PARTS:
        raise DerError("an AlgorithmIdentifier has one or two parts")
    return identifier(parts[0]), parts[1].raw if len(parts) == _PARTS else b""


@cached
def _curve(parameters: bytes) -> str:
    if parameters[:1] != bytes((der.OBJECT_IDENTIFIER,)):
        return "an unnamed curve"
    oid = identifier(der.parse(parameters, der.OBJECT_IDENTIFIER))
    return _CURVES.get(oid, oid)


def _require_curve(parameters: bytes, rules: KeyRules) -> None:
    _require_in(rules, _curve(parameters))


def _require_in(rules: KeyRules, curve: str) -> None:
    if curve not in rules.curves:
        raise WeakKey(f"has a key on {curve}, which this policy refuses")


def _modulus(key: bytes) -> int:
    """Bits of an RSAPublicKey's modulus (RFC 8017 §A.1.1)."""
    parts = members(key)
    if len(parts) != _PARTS:
        raise DerError("an RSAPublicKey has two parts")
    return max(parts[0].integer(), 0).bit_length()


def _require_bits(kind: str, bits: int, least: int) -> None:
    if bits < least:
        raise WeakKey(f"has an {kind} key of {bits} bits; this policy wants {least}")
