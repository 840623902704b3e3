"""Keys too small to trust, wherever they stand: refused unless a policy says otherwise."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from pki import der
from pki.der import DerError
from pki.validation import KeyRules, PathPolicy, PinnedIssuers, validate
from pki.validation.batch import judge_line
from pki.validation.errors import UnsupportedAlgorithmError, WeakKeyError
from pki.validation.keyrules import require_strength
from pki.validation.policy import ALL_KEYS, DEFAULT_KEYS
from tests.unit.pki.validation.making import NOW

Key = CertificateIssuerPrivateKeyTypes
DAY = timedelta(days=1)
GOOD = "P-256"
MAKERS: dict[str, Callable[[], Key]] = {
    GOOD: lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-224": lambda: ec.generate_private_key(ec.SECP224R1()),
    "P-192": lambda: ec.generate_private_key(ec.SECP192R1()),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "RSA-1024": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505 - weak on purpose
    "RSA-2047": lambda: rsa.generate_private_key(65537, 2047),  # noqa: S505 - weak on purpose
    "RSA-2048": lambda: rsa.generate_private_key(65537, 2048),
    "DSA-1024": lambda: dsa.generate_private_key(1024),  # noqa: S505 - weak on purpose
}
WEAK = ("P-224", "P-192", "secp256k1", "RSA-1024", "RSA-2047", "DSA-1024")
LOW = PathPolicy(keys=ALL_KEYS)


@cache
def key(kind: str, place: str) -> Key:  # noqa: ARG001 - each place has its own
    return MAKERS[kind]()


@dataclass(frozen=True)
class Chain:
    leaf: bytes
    middle: bytes
    root: bytes


def chain_of(root: str = GOOD, middle: str = GOOD, leaf: str = GOOD) -> Chain:
    keys = {place: key(kind, place) for place, kind in (("root", root), ("middle", middle), ("leaf", leaf))}

    def certificate(subject: str, issuer: str) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .public_key(keys[subject].public_key())
            .subject_name(named(subject))
            .issuer_name(named(issuer))
            .serial_number(7)
            .not_valid_before(NOW - DAY)
            .not_valid_after(NOW + DAY)
        )
        if subject != "leaf":
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        return builder.sign(keys[issuer], hashes.SHA256()).public_bytes(Encoding.DER)

    return Chain(certificate("leaf", "middle"), certificate("middle", "root"), certificate("root", "root"))


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@pytest.mark.parametrize("place", ["root", "middle", "leaf"])
@pytest.mark.parametrize("kind", WEAK)
def test_a_weak_key_is_refused_wherever_it_stands(kind: str, place: str) -> None:
    chain = chain_of(**{place: kind})
    with pytest.raises(WeakKeyError) as caught:
        validate([chain.leaf, chain.middle], [chain.root], NOW)
    assert caught.value.depth == ("leaf", "middle", "root").index(place)
    assert (caught.value.kind, caught.value.sha256 is None) == ("weak-key", False)
    assert isinstance(caught.value, UnsupportedAlgorithmError)


@pytest.mark.parametrize("place", ["root", "middle", "leaf"])
@pytest.mark.parametrize("kind", ["RSA-1024", "RSA-2047", "P-224"])
def test_the_fast_path_says_the_same(kind: str, place: str) -> None:
    chain = chain_of(**{place: kind})
    pinned = PinnedIssuers([chain.middle], [chain.root])
    with pytest.raises(WeakKeyError):
        pinned.validate(chain.leaf, NOW)
    pinned.validate(chain.leaf, NOW, LOW)
    validate([chain.leaf, chain.middle], [chain.root], NOW, LOW)


@pytest.mark.parametrize("kind", ["DSA-1024", "RSA-1024"])
def test_a_policy_lowers_one_bound_and_no_other(kind: str) -> None:
    chain = chain_of(middle=kind)
    rules = replace(DEFAULT_KEYS, dsa_bits=1024) if kind == "DSA-1024" else KeyRules(rsa_bits=1024)
    validate([chain.leaf, chain.middle], [chain.root], NOW, PathPolicy(keys=rules))
    other = KeyRules(rsa_bits=1024) if kind == "DSA-1024" else replace(DEFAULT_KEYS, dsa_bits=1024)
    with pytest.raises(WeakKeyError):
        validate([chain.leaf, chain.middle], [chain.root], NOW, PathPolicy(keys=other))


def test_a_policy_may_want_more() -> None:
    chain = chain_of(middle="RSA-2048")
    validate([chain.leaf, chain.middle], [chain.root], NOW)
    for rules in (KeyRules(rsa_bits=3072), KeyRules(curves=frozenset({"secp384r1"}))):
        with pytest.raises(WeakKeyError):
            validate([chain.leaf, chain.middle], [chain.root], NOW, PathPolicy(keys=rules))


def test_no_policy_goes_below_what_can_be_read() -> None:
    chain = chain_of(middle="P-192")
    curves = ALL_KEYS.curves | {"secp192r1", "1.2.840.10045.3.1.1"}
    policy = PathPolicy(keys=KeyRules(1, 1, curves))
    with pytest.raises(UnsupportedAlgorithmError):
        validate([chain.leaf, chain.middle], [chain.root], NOW, policy)


def test_a_way_around_a_weak_issuer_is_found() -> None:
    """Two certificates for one name: the weak one is left aside, not fatal."""
    weak, strong = chain_of(middle="RSA-1024"), chain_of()
    path = validate([strong.leaf, weak.middle, strong.middle], [strong.root], NOW)
    assert path.certificates[1].raw == strong.middle


def test_the_batch_takes_rsa_1024_from_nobody() -> None:
    chain = chain_of(middle="RSA-1024")
    line = f'''{{"name": "x", "chain": ["{b64(chain.leaf)}", "{b64(chain.middle)}"],
        "trust": ["{b64(chain.root)}"], "at": "{NOW.isoformat()}"}}'''
    assert judge_line(line).error == "weak-key"


def b64(raw: bytes) -> str:
    import base64  # noqa: PLC0415

    return base64.b64encode(raw).decode()


def spki(kind: str) -> bytes:
    public = key(kind, "root").public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("kind", [GOOD, "RSA-2048", "DSA-1024"])
def test_cut_keys_are_malformed_never_strong(kind: str) -> None:
    whole = spki(kind)
    require_strength(whole, ALL_KEYS)
    for length in range(len(whole)):
        with pytest.raises(DerError):
            require_strength(whole[:length], ALL_KEYS)


def test_a_modulus_with_zeros_or_a_sign_in_front_is_not_longer() -> None:
    exponent = der.integer(65537)
    algorithm = der.sequence((der.object_identifier("1.2.840.113549.1.1.1"), der.encode(der.NULL, b"")))

    def with_modulus(content: bytes) -> bytes:
        rsa_key = der.sequence((der.encode(der.INTEGER, content), exponent))
        return der.sequence((algorithm, der.bit_string(rsa_key)))

    with pytest.raises(DerError):
        require_strength(with_modulus(bytes(200) + b"\x7f" * 100), DEFAULT_KEYS)
    with pytest.raises(Exception, match="0 bits"):
        require_strength(with_modulus(b"\x80" + bytes(255)), DEFAULT_KEYS)
