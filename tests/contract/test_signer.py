"""What a place of keys owes the authority, whether it is a folder of files or a PKCS#11 token."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from pki.errors import (
    KeyExistsError,
    KeyMissingError,
    KeyStoreError,
    KeyUriError,
    WrongPassphraseError,
    WrongPinError,
)
from pki.keys.identifiers import spki_of
from pki.keys.kinds import KeyKind, kind_of
from pki.keys.signer import Signer, SignerPublicKey
from pki.keys.store import DEFAULT_LOCATION, KeyStore
from pki.keys.uris import parse_key_uri
from pki.pkcs10 import create_csr
from tests.softhsm import PIN, SoftHsm

SECRET = "گذرواژه-471100"
MASTER_NAMES = ("card", "factory")
MESSAGE = "هویت".encode()
THREADS, EACH = 8, 12


@dataclass
class Place:
    """One backend: a store with the right secret, and one with another."""

    location: str
    secret: str
    open: Callable[[], KeyStore]
    open_with_wrong_secret: Callable[[], KeyStore]
    refusal: type[KeyStoreError]
    lose_all_keys: Callable[[], None]


@pytest.fixture(params=["file", "softhsm"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "keys"
    folder.mkdir()
    stores: list[KeyStore] = []

    def opener(location: str, passphrase: str, pin: str | None) -> Callable[[], KeyStore]:
        def open_store() -> KeyStore:
            stores.append(KeyStore.from_settings(folder, location, passphrase.encode, pin))
            return stores[-1]

        return open_store

    def lose_files() -> None:
        for path in folder.iterdir():
            path.unlink()

    if request.param == "file":
        right, wrong = opener(DEFAULT_LOCATION, SECRET, None), opener(DEFAULT_LOCATION, "other", None)
        yield Place(DEFAULT_LOCATION, SECRET, right, wrong, WrongPassphraseError, lose_files)
    else:
        token: SoftHsm = request.getfixturevalue("softhsm")
        right, wrong = opener(token.location, "", PIN), opener(token.location, "", "000000")
        yield Place(token.location, PIN, right, wrong, WrongPinError, token.reset)
    for store in stores:
        store.close()


@pytest.fixture
def store(place: Place) -> KeyStore:
    return place.open()


def verify(
    key: SignerPublicKey, signature: bytes, algorithm: HashAlgorithm, message: bytes = MESSAGE
) -> None:
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, message, padding.PKCS1v15(), algorithm)
    else:
        key.verify(signature, message, ec.ECDSA(algorithm))


KINDS = [
    KeyKind.P256,
    KeyKind.P384,
    KeyKind.RSA2048,
    pytest.param(KeyKind.RSA3072, marks=pytest.mark.slow),
    pytest.param(KeyKind.RSA4096, marks=pytest.mark.slow),
]


def test_a_deleted_key_is_gone_for_everyone(place: Place, store: KeyStore) -> None:
    uri, other = store.create("ocsp-1", KeyKind.P256), store.create("ocsp-2", KeyKind.P256)
    spki = spki_of(store.open(uri).public_key)
    assert store.delete(uri)
    for opened in (store, place.open()):
        assert opened.names() == ("ocsp-2",)
        assert not opened.exists("ocsp-1")
        with pytest.raises(KeyMissingError):
            opened.open(uri)
        assert not opened.delete(uri)
    store.health(other)
    assert spki_of(store.open(store.create("ocsp-1", KeyKind.P256)).public_key) != spki


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
def test_a_key_of_each_kind_signs_messages_and_digests(store: KeyStore, kind: KeyKind) -> None:
    signer = store.open(store.create("root-g1", kind))
    assert kind_of(signer.public_key) is kind
    for algorithm in (SHA256(), SHA384(), SHA512()):
        verify(signer.public_key, signer.sign(MESSAGE, algorithm), algorithm)
        digest = hashlib.new(algorithm.name, MESSAGE).digest()
        verify(signer.public_key, signer.sign_digest(digest, algorithm), algorithm)


def test_a_signature_is_for_its_message_alone(store: KeyStore) -> None:
    signer = store.open(store.create("root-g1", KeyKind.P256))
    signature = signer.sign(MESSAGE, SHA256())
    with pytest.raises(InvalidSignature):
        verify(signer.public_key, signature, SHA256(), MESSAGE + b".")


@pytest.mark.parametrize("message", [b"", b"m" * 100_000], ids=["empty", "long"])
def test_messages_of_any_length(store: KeyStore, message: bytes) -> None:
    signer = store.open(store.create("root-g1", KeyKind.P256))
    verify(signer.public_key, signer.sign(message, SHA256()), SHA256(), message)


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.RSA2048], ids=lambda kind: kind.value)
def test_a_digest_of_another_length_is_refused(store: KeyStore, kind: KeyKind) -> None:
    signer = store.open(store.create("root-g1", kind))
    for length in (0, 31, 33, 48):
        with pytest.raises(ValueError, match="has 32 bytes"):
            signer.sign_digest(bytes(length), SHA256())


def test_the_key_is_found_again_with_the_same_public_key(place: Place) -> None:
    first = place.open()
    uri = first.create("root-g1", KeyKind.P384)
    key = first.open(uri).public_key
    assert first.open(uri).public_key == key
    again = place.open().open(uri)
    assert again.public_key == key
    verify(key, again.sign(MESSAGE, SHA384()), SHA384())


def test_a_store_knows_its_keys_by_name(store: KeyStore) -> None:
    assert store.names() == ()
    assert not store.exists("root-g1")
    uris = [store.create(name, KeyKind.P256) for name in ("root-g1", "citizen-auth-g1")]
    assert store.names() == ("citizen-auth-g1", "root-g1")
    assert store.exists("root-g1")
    assert not store.exists("root")
    assert [store.uri_of(name) for name in ("root-g1", "citizen-auth-g1")] == uris
    assert len({spki_of(store.open(uri).public_key) for uri in uris}) == len(uris)


def test_a_uri_is_stored_and_says_nothing_secret(place: Place, store: KeyStore) -> None:
    uri = store.create("root-g1", KeyKind.P256)
    assert str(parse_key_uri(uri)) == uri
    assert place.secret not in uri


def test_a_second_key_of_a_name_is_not_made(store: KeyStore) -> None:
    uri = store.create("root-g1", KeyKind.P256)
    before = store.open(uri).public_key
    with pytest.raises(KeyExistsError):
        store.create("root-g1", KeyKind.P384)
    assert store.open(uri).public_key == before
    assert store.names() == ("root-g1",)


def test_a_missing_key_is_called_missing(store: KeyStore) -> None:
    with pytest.raises(KeyMissingError):
        store.open(store.uri_of("root-g1"))
    with pytest.raises(KeyMissingError):
        store.health(store.uri_of("root-g1"))


@pytest.mark.parametrize("name", ["", "../root", "root.pem", "Root", "r%6Fot", "root g1", "a" * 65, "ریشه"])
def test_a_name_that_is_none_is_refused(store: KeyStore, name: str) -> None:
    with pytest.raises(KeyUriError):
        store.create(name, KeyKind.P256)
    with pytest.raises(KeyUriError):
        store.exists(name)
    assert store.names() == ()


@pytest.mark.parametrize(
    "uri", ["", "root-g1", "file:../root-g1.pem", "pkcs11:object=a?pin-value=1", "http://a"]
)
def test_a_uri_that_is_none_is_refused(store: KeyStore, uri: str) -> None:
    with pytest.raises(KeyUriError):
        store.open(uri)


def test_a_wrong_secret_is_called_wrong_and_not_repeated(place: Place) -> None:
    uri = place.open().create("root-g1", KeyKind.P256)
    store = place.open_with_wrong_secret()
    for _ in range(3):
        with pytest.raises(place.refusal) as caught:
            store.open(uri)
        assert "000000" not in str(caught.value)
        assert "other" not in str(caught.value)
    signer = place.open().open(uri)
    verify(signer.public_key, signer.sign(MESSAGE, SHA256()), SHA256())


def test_health_is_a_verified_signature(place: Place, store: KeyStore) -> None:
    uri = store.create("root-g1", KeyKind.P256)
    store.health(uri)
    place.lose_all_keys()
    with pytest.raises(KeyMissingError):
        store.health(uri)


def test_no_repr_shows_a_secret(place: Place, store: KeyStore) -> None:
    signer = store.open(store.create("root-g1", KeyKind.P256))
    master_keys = store.create_master_keys(MASTER_NAMES)
    for thing in (signer, store, master_keys, store._new_keys):
        assert place.secret not in repr(thing)
        assert "private_key" not in repr(thing)


def test_master_keys_derive_and_are_found_again(place: Place) -> None:
    first = place.open()
    assert not first.has_master_keys(MASTER_NAMES)
    made = first.create_master_keys(MASTER_NAMES)
    assert first.has_master_keys(MASTER_NAMES)
    again = place.open().open_master_keys(MASTER_NAMES)
    derived = {name: key.derive(b"9B", b"serial", 40) for name, key in made.items()}
    assert derived == {name: key.derive(b"9B", b"serial", 40) for name, key in again.items()}
    assert derived["card"] != derived["factory"]
    key = again["card"]
    others = [
        key.derive(b"9A", b"serial", 40),
        key.derive(b"9B", b"serial.", 40),
        key.derive(b"9B", b"serial", 41),
    ]
    assert len({derived["card"], *others}) == 4
    assert [len(key.derive(b"9B", b"", length)) for length in (1, 15, 16, 17, 1024)] == [1, 15, 16, 17, 1024]


@pytest.mark.parametrize(("label", "length"), [(b"", 16), (b"x", 0), (b"x", -1), (b"x", 1025)])
def test_senseless_derivations_are_refused(store: KeyStore, label: bytes, length: int) -> None:
    key = store.create_master_keys(MASTER_NAMES)["card"]
    with pytest.raises(ValueError, match="derive needs"):
        key.derive(label, b"", length)


def test_master_keys_are_made_once(store: KeyStore) -> None:
    made = store.create_master_keys(MASTER_NAMES)["card"].derive(b"l", b"c", 16)
    with pytest.raises(KeyExistsError):
        store.create_master_keys(MASTER_NAMES)
    assert store.open_master_keys(MASTER_NAMES)["card"].derive(b"l", b"c", 16) == made


def test_missing_master_keys_are_called_missing(store: KeyStore) -> None:
    with pytest.raises(KeyMissingError):
        store.open_master_keys(MASTER_NAMES)


def test_a_certification_request_is_signed_through_the_builders(store: KeyStore) -> None:
    for kind in (KeyKind.P384, KeyKind.RSA2048):
        signer = store.open(store.create(kind.value, kind))
        assert x509.load_der_x509_csr(create_csr(signer, "card")).is_signature_valid


def test_threads_that_sign_at_once_get_valid_signatures(store: KeyStore) -> None:
    signers = [store.open(store.create(f"k{n}", kind)) for n, kind in enumerate((KeyKind.P256, KeyKind.P384))]
    master = store.create_master_keys(MASTER_NAMES)["card"]
    expected = master.derive(b"l", b"c", 48)

    def work(number: int) -> None:
        for turn in range(EACH):
            message = f"{number} {turn}".encode()
            signer = signers[(number + turn) % 2]
            verify(signer.public_key, signer.sign(message, SHA256()), SHA256(), message)
            assert master.derive(b"l", b"c", 48) == expected

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))


def in_child(work: Callable[[], bytes]) -> bytes:
    """What `work` returns in a fork of this process; b"" if it fails."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, work())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        result = pipe.read()
    os.waitpid(child, 0)
    return result


def test_a_forked_process_signs_with_what_its_parent_opened(store: KeyStore) -> None:
    signer = store.open(store.create("root-g1", KeyKind.P256))
    master = store.create_master_keys(MASTER_NAMES)["card"]
    children = [in_child(lambda: signer.sign(MESSAGE, SHA256())) for _ in range(3)]
    for signature in (*children, signer.sign(MESSAGE, SHA256())):
        verify(signer.public_key, signature, SHA256())
    assert in_child(lambda: master.derive(b"l", b"c", 32)) == master.derive(b"l", b"c", 32)


def test_a_fork_beside_signing_threads_neither_hangs_nor_breaks_them(store: KeyStore) -> None:
    signer = store.open(store.create("root-g1", KeyKind.P256))
    with ThreadPoolExecutor(2) as pool:
        signing = [pool.submit(signer.sign, MESSAGE, SHA256()) for _ in range(200)]
        children = [in_child(lambda: signer.sign(MESSAGE, SHA256())) for _ in range(5)]
        signatures = [future.result() for future in signing]
    for signature in (*children, *signatures):
        verify(signer.public_key, signature, SHA256())


SIGN_ELSEWHERE = """
import sys
from pathlib import Path
from cryptography.hazmat.primitives.hashes import SHA256
from pki.keys.store import KeyStore
folder, location, secret, uri = sys.argv[1:]
store = KeyStore.from_settings(Path(folder), location, secret.encode, secret)
sys.stdout.buffer.write(store.open(uri).sign(sys.stdin.buffer.read(), SHA256()))
store.close()
"""


def test_another_process_signs_with_the_same_key(place: Place, store: KeyStore, tmp_path: Path) -> None:
    uri = store.create("root-g1", KeyKind.P256)
    signature = subprocess.run(
        [sys.executable, "-c", SIGN_ELSEWHERE, str(tmp_path / "keys"), place.location, place.secret, uri],
        input=MESSAGE,
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ).stdout
    verify(store.open(uri).public_key, signature, SHA256())


def test_processes_that_make_the_same_key_at_once_make_one_at_most(place: Place) -> None:
    store = place.open()
    uri = store.uri_of("root-g1")
    store.names()  # the secret was right before the race

    def make() -> bytes:
        try:
            return store.create("root-g1", KeyKind.P256).encode()
        except KeyStoreError:
            return b"refused"

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: in_child(make), range(4)))
    assert set(results) <= {uri.encode(), b"refused"}
    assert results.count(uri.encode()) <= 1
    if not store.exists("root-g1"):  # each found another's and took its own back
        store.create("root-g1", KeyKind.P256)
    signer: Signer = store.open(uri)
    verify(signer.public_key, signer.sign(MESSAGE, SHA256()), SHA256())
