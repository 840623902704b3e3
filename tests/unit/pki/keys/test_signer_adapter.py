"""The adapter: cryptography's builders sign through any `Signer`, and get nothing else out of it."""

import copy
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from pki.keys.adapter import KeyOperationRefusedError, RsaSignerPrivateKey, SignerPrivateKey, private_key_of
from pki.keys.files import FileSigner

EC_SIGNER = FileSigner(ec.generate_private_key(ec.SECP256R1()))
RSA_SIGNER = FileSigner(rsa.generate_private_key(65537, 2048))


@pytest.mark.parametrize("signer", [EC_SIGNER, RSA_SIGNER], ids=["ec", "rsa"])
def test_a_builder_signs_through_it(signer: FileSigner) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(signer.public_key)
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .sign(private_key_of(signer), SHA256())
    )
    certificate.verify_directly_issued_by(certificate)


@pytest.mark.parametrize("signer", [EC_SIGNER, RSA_SIGNER], ids=["ec", "rsa"])
def test_it_gives_nothing_out(signer: FileSigner) -> None:
    key = private_key_of(signer)
    with pytest.raises(KeyOperationRefusedError):
        key.private_numbers()
    with pytest.raises(KeyOperationRefusedError):
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert copy.copy(key) is key
    assert copy.deepcopy(key) is key
    assert key.key_size in {256, 2048}


def test_it_does_nothing_but_sign_whole_messages() -> None:
    ec_key, rsa_key = private_key_of(EC_SIGNER), private_key_of(RSA_SIGNER)
    assert isinstance(ec_key, SignerPrivateKey)
    assert isinstance(rsa_key, RsaSignerPrivateKey)
    assert ec_key.curve.name == "secp256r1"
    with pytest.raises(KeyOperationRefusedError):
        ec_key.sign(bytes(32), ec.ECDSA(Prehashed(SHA256())))
    with pytest.raises(KeyOperationRefusedError):
        ec_key.exchange(ec.ECDH(), ec_key.public_key())
    with pytest.raises(KeyOperationRefusedError):
        rsa_key.sign(bytes(32), padding.PKCS1v15(), Prehashed(SHA256()))
    with pytest.raises(KeyOperationRefusedError):
        rsa_key.sign(b"m", padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    with pytest.raises(KeyOperationRefusedError):
        rsa_key.decrypt(bytes(256), padding.PKCS1v15())
