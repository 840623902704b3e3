"""Certification requests: taken only from whoever holds a strong enough key."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from pki import der
from pki.errors import CsrError, MalformedCsrError, ProofOfPossessionError, WeakKeyError
from pki.keys.files import FileSigner
from pki.pkcs10 import MAX_CSR_BYTES, create_csr, verify_csr

P256 = FileSigner(ec.generate_private_key(ec.SECP256R1()))


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-256", "P-384", "RSA-2048"],
)
def test_a_request_proves_possession(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    signer = FileSigner(key)
    assert verify_csr(create_csr(signer, "کارت")) == signer.public_key


def foreign_request(key: object) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP521R1()),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 1024),  # noqa: S505
        rsa.generate_private_key(3, 2048),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["P-521", "secp256k1", "RSA-1024", "exponent 3", "Ed25519"],
)
def test_weak_and_foreign_keys_are_refused(key: object) -> None:
    with pytest.raises(WeakKeyError):
        verify_csr(foreign_request(key))


def test_a_request_signed_by_another_key_is_refused() -> None:
    mine, other = create_csr(P256, "x"), create_csr(FileSigner.generate(ec.SECP256R1()), "x")
    their_key = (
        x509.load_der_x509_csr(other)
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    my_key = (
        x509.load_der_x509_csr(mine)
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(ProofOfPossessionError):
        verify_csr(mine.replace(my_key, their_key))


def test_a_changed_request_is_refused() -> None:
    csr = bytearray(create_csr(P256, "xyz"))
    csr[csr.index(b"xyz")] ^= 1
    with pytest.raises(ProofOfPossessionError):
        verify_csr(bytes(csr))


@pytest.mark.parametrize("csr", [b"", b"\x30\x00", bytes(MAX_CSR_BYTES + 1), create_csr(P256, "x") + b"\0"])
def test_garbage_is_refused(csr: bytes) -> None:
    with pytest.raises(MalformedCsrError):
        verify_csr(csr)


def test_another_version_of_the_request_is_malformed() -> None:
    version_1, version_2 = b"\x02\x01\x00", b"\x02\x01\x01"
    with pytest.raises(MalformedCsrError):
        verify_csr(create_csr(P256, "x").replace(version_1, version_2, 1))


def test_a_signature_with_unused_bits_is_malformed() -> None:
    """cryptography reads it as the same signature, where the bits that are called unused are zero."""
    csr = next(csr for csr in iter(lambda: create_csr(P256, "x"), b"") if csr[-1] % 2 == 0)
    signature = der.parse(csr, der.SEQUENCE).children()[-1]
    changed = bytearray(csr)
    changed[len(csr) - len(signature.content)] = 1
    with pytest.raises(MalformedCsrError):
        verify_csr(bytes(changed))


@given(position=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_no_changed_byte_gets_through(position: int, flip: int) -> None:
    csr = bytearray(create_csr(P256, "x"))
    csr[position % len(csr)] ^= flip
    with pytest.raises(CsrError):
        verify_csr(bytes(csr))
