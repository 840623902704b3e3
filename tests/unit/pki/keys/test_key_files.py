"""Key files: encrypted, owner-only, and silent about what they hold."""

import hashlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from pki.authority.signing import verify_signature
from pki.errors import KeyStoreError, WrongPassphraseError
from pki.keys.files import FileSigner
from pki.keys.kinds import KeyKind


def test_a_saved_key_signs_for_the_same_public_key(tmp_path: Path) -> None:
    signer = FileSigner.generate(ec.SECP384R1())
    signer.save(tmp_path / "k.pem", b"secret")
    loaded = FileSigner.load(tmp_path / "k.pem", b"secret")
    verify_signature(signer.public_key, loaded.sign(b"m", SHA256()), b"m", SHA256())


def test_an_rsa_key_signs_with_pkcs1_v15() -> None:
    signer = FileSigner(rsa.generate_private_key(65537, 2048))
    verify_signature(signer.public_key, signer.sign(b"m", SHA256()), b"m", SHA256())


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.P384, KeyKind.RSA2048])
@pytest.mark.parametrize("algorithm", [SHA256(), SHA384(), SHA512()], ids=lambda algorithm: algorithm.name)
def test_a_digest_gets_the_signature_of_its_message(kind: KeyKind, algorithm: HashAlgorithm) -> None:
    signer = FileSigner.generate(kind)
    digest = hashlib.new(algorithm.name, b"m").digest()
    verify_signature(signer.public_key, signer.sign_digest(digest, algorithm), b"m", algorithm)


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.RSA2048])
@pytest.mark.parametrize("length", [0, 31, 33, 48])
def test_a_digest_of_another_length_is_refused(kind: KeyKind, length: int) -> None:
    with pytest.raises(ValueError, match="has 32 bytes"):
        FileSigner.generate(kind).sign_digest(bytes(length), SHA256())


def test_the_file_is_the_owners_and_encrypted(tmp_path: Path) -> None:
    FileSigner.generate(ec.SECP256R1()).save(tmp_path / "k.pem", b"secret")
    assert stat.S_IMODE((tmp_path / "k.pem").stat().st_mode) == 0o600
    assert (tmp_path / "k.pem").read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    FileSigner.generate(ec.SECP256R1()).save(tmp_path / "k.pem", b"secret")
    before = (tmp_path / "k.pem").read_bytes()
    with pytest.raises(KeyStoreError):
        FileSigner.generate(ec.SECP256R1()).save(tmp_path / "k.pem", b"secret")
    assert (tmp_path / "k.pem").read_bytes() == before


def test_a_wrong_passphrase_has_its_own_error(tmp_path: Path) -> None:
    FileSigner.generate(ec.SECP256R1()).save(tmp_path / "k.pem", b"secret")
    with pytest.raises(WrongPassphraseError) as caught:
        FileSigner.load(tmp_path / "k.pem", b"other")
    assert caught.value.path == tmp_path / "k.pem"
    assert "other" not in str(caught.value)


def damaged(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "k.pem"
    signer = ec.generate_private_key(ec.SECP256R1())
    pem = signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    contents = {
        "empty": b"",
        "cut": pem[: len(pem) // 2],
        "not base64": pem.replace(b"M", b"!"),
        "plain": signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "too long": pem * 100,
        "other type": ed25519.Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        ),
    }
    if kind != "missing":
        path.write_bytes(contents[kind])
    return path


@pytest.mark.parametrize("kind", ["missing", "empty", "cut", "not base64", "plain", "too long", "other type"])
def test_an_unusable_file_is_not_called_a_wrong_passphrase(tmp_path: Path, kind: str) -> None:
    with pytest.raises(KeyStoreError) as caught:
        FileSigner.load(damaged(tmp_path, kind), b"secret")
    assert not isinstance(caught.value, WrongPassphraseError)


def test_no_repr_shows_a_key() -> None:
    assert repr(FileSigner.generate(ec.SECP256R1())) == "FileSigner(…)"
