"""Encrypted PKCS#8: what OpenSSL and cryptography read and write, and bounds that hold before scrypt runs."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from hypothesis import given
from hypothesis import strategies as st

from pki import der, oids
from pki.errors import KeyStoreError, WrongPassphraseError
from pki.keys import stretching
from pki.keys.files import FileSigner
from pki.keys.identifiers import spki_of
from pki.keys.kinds import KeyKind
from pki.keys.pbes2 import SealedKey, WrongKeyError, from_pem, to_pem
from pki.keys.stretching import ScryptParameters, stretch

PASSPHRASE = "گذرواژه secret".encode()
CHEAP = ScryptParameters(b"saltsalt", 2, 1, 1)
CURVES = [ec.SECP256R1(), ec.SECP384R1()]


def openssl(*arguments: str, given: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    ("passphrase", "salt", "n", "r", "p", "expected"),
    [
        (
            b"password",
            b"NaCl",
            1024,
            8,
            16,
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162",
        ),
        (b"pleaseletmein", b"SodiumChloride", 16384, 8, 1, "7023bdcb3afd7348461c06cd81fd38eb"),
    ],
    ids=["password", "pleaseletmein"],
)
def test_scrypt_gives_the_vectors_of_rfc_7914(
    passphrase: bytes, salt: bytes, n: int, r: int, p: int, expected: str
) -> None:
    # RFC 7914 §12 prints 64 bytes; PBKDF2 makes the first 32 of them whatever the length.
    # "NaCl" is shorter than any salt of a key file, so the bounds would refuse it.
    if len(salt) < 8:
        assert Scrypt(salt, length=32, n=n, r=r, p=p).derive(passphrase).hex() == expected
    else:
        assert stretch(passphrase, ScryptParameters(salt, n, r, p)).hex().startswith(expected)


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.P384, KeyKind.RSA2048])
def test_openssl_and_cryptography_open_our_files(tmp_path: Path, kind: KeyKind) -> None:
    path = tmp_path / "k.pem"
    signer = FileSigner.generate(kind)
    signer.save(path, PASSPHRASE)
    (tmp_path / "passphrase").write_bytes(PASSPHRASE)
    shown = openssl("pkey", "-in", str(path), "-passin", f"file:{tmp_path}/passphrase", "-pubout")
    spki = spki_of(signer.public_key)
    theirs = load_pem_public_key(shown)
    assert theirs.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == spki
    key = load_pem_private_key(path.read_bytes(), PASSPHRASE)
    assert key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == spki


def test_openssl_reads_our_parameters(tmp_path: Path) -> None:
    FileSigner.generate(KeyKind.P256).save(tmp_path / "k.pem", PASSPHRASE)
    lines = openssl("asn1parse", "-in", str(tmp_path / "k.pem")).decode().splitlines()
    assert any("PBES2" in line for line in lines)
    assert any("scrypt" in line or "1.3.6.1.4.1.11591.4.11" in line for line in lines)
    assert any("aes-256-cbc" in line for line in lines)
    assert [line.rsplit(":", 1)[1] for line in lines if "INTEGER" in line] == ["4000", "08", "02"]  # N, r, p


@pytest.mark.parametrize("curve", CURVES, ids=["p256", "p384"])
def test_a_file_made_by_openssl_opens(tmp_path: Path, curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "passphrase").write_bytes(PASSPHRASE)
    made = openssl(
        *("pkcs8", "-topk8", "-scrypt", "-v2", "aes-256-cbc", "-passout", f"file:{tmp_path}/passphrase"),
        given=plain,
    )
    (tmp_path / "k.pem").write_bytes(made)
    assert FileSigner.load(tmp_path / "k.pem", PASSPHRASE).public_key == key.public_key()


def test_files_of_a_folder_share_their_salt_and_one_derivation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    derived: list[ScryptParameters] = []
    real = stretching._scrypt

    def count(passphrase: bytes, parameters: ScryptParameters) -> bytes:
        derived.append(parameters)
        return real(passphrase, parameters)

    monkeypatch.setattr(stretching, "_scrypt", count)
    paths = [tmp_path / f"k{n}.pem" for n in range(15)]
    for path in paths:
        FileSigner.generate(KeyKind.P256).save(path, b"one of a kind")
    for path in paths:
        FileSigner.load(path, b"one of a kind")
    assert len(derived) == 1
    sealed = [SealedKey.decode(from_pem(path.read_bytes())) for path in paths]
    assert {item.parameters for item in sealed} == set(derived)
    assert len({item.iv for item in sealed}) == len(paths)


def test_a_salt_with_another_cost_or_in_a_broken_file_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(b"broken")
    cheap = SealedKey.seal(bytes(48), PASSPHRASE, CHEAP)
    (tmp_path / "b.pem").write_bytes(to_pem(cheap.encode()))
    FileSigner.generate(KeyKind.P256).save(tmp_path / "c.pem", PASSPHRASE)
    made = SealedKey.decode(from_pem((tmp_path / "c.pem").read_bytes())).parameters
    assert made.is_current
    assert made.salt != CHEAP.salt


@pytest.mark.parametrize(
    ("n", "r", "p"),
    [
        (2**20, 8, 1),
        (2**15, 2**20, 1),
        (2**31, 2**31, 2**31),
        (2**15, 8, 2**20),
        (2**15, 8, 16),
        (2**17, 8, 3),
        (3, 8, 1),
        (0, 8, 1),
        (1, 8, 1),
        (-(2**15), 8, 1),
        (2**15, 0, 1),
        (2**15, 8, 0),
        (2**15, -8, -1),
    ],
)
def test_a_hostile_cost_is_refused_before_it_is_paid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int, r: int, p: int
) -> None:
    def never(*_: object) -> bytes:
        raise AssertionError("scrypt ran")

    monkeypatch.setattr(stretching, "_scrypt", never)
    cost = (der.octet_string(bytes(16)), *(der.integer(value) for value in (n, r, p)))
    (tmp_path / "k.pem").write_bytes(to_pem(encrypted(scrypt=der.sequence(cost))))
    with pytest.raises(KeyStoreError) as caught:
        FileSigner.load(tmp_path / "k.pem", PASSPHRASE)
    assert not isinstance(caught.value, WrongPassphraseError)


NUMBERS = [der.integer(value) for value in (2, 1, 1)]
SALT = der.octet_string(bytes(16))


def encrypted(
    *,
    kdf: str = oids.SCRYPT,
    scrypt: bytes = der.sequence((SALT, *NUMBERS)),
    cipher: str = oids.AES256_CBC,
    iv: bytes = bytes(16),
    ciphertext: bytes = bytes(32),
    scheme: str = oids.PBES2,
    after: bytes = b"",
) -> bytes:
    derivation = der.sequence((der.object_identifier(kdf), scrypt))
    encryption = der.sequence((der.object_identifier(cipher), der.octet_string(iv)))
    pbes2 = der.sequence((der.object_identifier(scheme), der.sequence((derivation, encryption))))
    return der.sequence((pbes2, der.octet_string(ciphertext), after))


def test_the_helper_makes_what_is_accepted() -> None:
    assert SealedKey.decode(encrypted()).iv == bytes(16)


@pytest.mark.parametrize(
    "data",
    [
        encrypted(kdf="1.2.840.113549.1.5.12"),
        encrypted(cipher="2.16.840.1.101.3.4.1.2"),
        encrypted(scheme="1.2.840.113549.1.12.1.3"),
        encrypted(iv=bytes(15)),
        encrypted(iv=bytes(17)),
        encrypted(ciphertext=b""),
        encrypted(ciphertext=bytes(33)),
        encrypted(after=der.integer(1)),
        encrypted(scrypt=der.sequence(())),
        encrypted(scrypt=der.sequence((SALT, *NUMBERS[:2]))),
        encrypted(scrypt=der.sequence((SALT, *NUMBERS, der.integer(16)))),
        encrypted(scrypt=der.sequence((SALT, *NUMBERS, der.integer(32), der.integer(32)))),
        encrypted(scrypt=der.sequence((der.integer(7), *NUMBERS))),
        encrypted(scrypt=der.sequence((SALT, *NUMBERS[:2], SALT))),
        encrypted(scrypt=der.sequence((der.octet_string(bytes(7)), *NUMBERS))),
        encrypted(scrypt=der.sequence((der.octet_string(bytes(65)), *NUMBERS))),
        encrypted()[:-1],
        encrypted() + b"\0",
        b"",
    ],
    ids=lambda data: f"{len(data)} bytes",
)
def test_other_structures_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - DerError or a bound
        SealedKey.decode(data)


def test_the_length_of_the_key_may_be_written_down() -> None:
    sealed = SealedKey.decode(encrypted(scrypt=der.sequence((SALT, *NUMBERS, der.integer(32)))))
    assert (sealed.parameters.n, sealed.parameters.r, sealed.parameters.p) == (2, 1, 1)


@given(key=st.binary(max_size=300), passphrase=st.binary(max_size=40))
def test_what_is_sealed_opens(key: bytes, passphrase: bytes) -> None:
    inner = der.sequence((der.octet_string(key),))
    sealed = SealedKey.seal(inner, passphrase, CHEAP)
    again = SealedKey.decode(from_pem(to_pem(sealed.encode())))
    assert again == sealed
    assert again.open(passphrase) == inner
    with pytest.raises(WrongKeyError):
        again.open(passphrase + b"x")


@pytest.fixture(scope="module")
def key_files() -> dict[str, tuple[FileSigner, bytes]]:
    made = {
        "ec": FileSigner(ec.generate_private_key(ec.SECP256R1())),
        "rsa": FileSigner(rsa.generate_private_key(65537, 2048)),
    }
    return {
        name: (
            signer,
            SealedKey.seal(
                signer._private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
                b"x",
                CHEAP,
            ).encode(),
        )
        for name, signer in made.items()
    }


@given(name=st.sampled_from(["ec", "rsa"]), position=st.integers(0, 2000), bit=st.integers(0, 7))
def test_a_flipped_bit_never_gives_another_key(
    key_files: dict[str, tuple[FileSigner, bytes]],
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    position: int,
    bit: int,
) -> None:
    signer, data = key_files[name]
    damaged = bytearray(data)
    damaged[position % len(data)] ^= 1 << bit
    path = tmp_path_factory.mktemp("flip") / "k.pem"
    path.write_bytes(to_pem(bytes(damaged)))
    try:
        opened = FileSigner.load(path, b"x")
    except KeyStoreError:
        return
    assert opened.public_key == signer.public_key
