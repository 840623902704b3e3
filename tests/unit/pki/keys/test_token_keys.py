"""Keys on a token as other software sees them, and what a faulty or hostile token can't make us do."""

import ctypes
import os
import subprocess
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA3_256, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11 import Attribute, ObjectClass

from pki.errors import (
    AmbiguousKeyError,
    KeyChangedError,
    KeyCheckError,
    KeyMissingError,
    KeyStoreError,
    MechanismUnsupportedError,
    TokenError,
    TokenUnavailableError,
)
from pki.keys.identifiers import key_identifier, spki_of
from pki.keys.kinds import KeyKind
from pki.keys.store import KeyStore
from pki.keys.token.place import TokenKeys
from tests.softhsm import MODULE, PIN, SoftHsm, intercepted

CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID, CKR_SESSION_HANDLE_INVALID = 0x60, 0x82, 0xB3
CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_USER_NOT_LOGGED_IN = 0x32, 0xE0, 0x101
CKR_SESSION_CLOSED, CKR_DEVICE_ERROR, CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED = 0xB0, 0x30, 0x05, 0x06
CKR_CRYPTOKI_NOT_INITIALIZED, CKR_VENDOR_DEFINED = 0x190, 0x80000001
CKR_MECHANISM_INVALID, CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED = 0x70, 0x63, 0x68
CKR_DATA_LEN_RANGE, CKR_FUNCTION_REJECTED = 0x21, 0x200

LOST = [
    CKR_KEY_HANDLE_INVALID,
    CKR_OBJECT_HANDLE_INVALID,
    CKR_SESSION_HANDLE_INVALID,
    CKR_SESSION_CLOSED,
    CKR_DEVICE_REMOVED,
    CKR_DEVICE_ERROR,
    CKR_TOKEN_NOT_PRESENT,
    CKR_USER_NOT_LOGGED_IN,
    CKR_GENERAL_ERROR,
    CKR_FUNCTION_FAILED,
    CKR_CRYPTOKI_NOT_INITIALIZED,
    CKR_VENDOR_DEFINED,
]


def pkcs11_tool(softhsm: SoftHsm, *arguments: str) -> str:
    """OpenSC's tool, which shares no code with python-pkcs11."""
    done = subprocess.run(
        ["pkcs11-tool", "--module", str(MODULE), "--login", "--pin", PIN, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "SOFTHSM2_CONF": str(softhsm.configuration)},
    )
    return done.stdout


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.P384, KeyKind.RSA2048], ids=lambda kind: kind.value)
def test_opensc_sees_a_key_that_stays_and_only_signs(
    store: KeyStore, softhsm: SoftHsm, kind: KeyKind
) -> None:
    signer = store.open(store.create("root-g1", kind))
    identifier = key_identifier(spki_of(signer.public_key)).hex()
    shown = pkcs11_tool(softhsm, "--list-objects", "--type", "privkey")
    lines = {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in shown.splitlines())
    }
    assert lines["label"] == "root-g1"
    assert lines["ID"] == identifier
    assert lines["Usage"] == "sign"
    assert lines["Access"] == "sensitive, always sensitive, never extractable, local"
    public = pkcs11_tool(softhsm, "--list-objects", "--type", "pubkey")
    assert identifier in public


def test_opensc_verifies_what_the_key_signs_and_reads_its_public_key(
    store: KeyStore, softhsm: SoftHsm, tmp_path_factory: pytest.TempPathFactory
) -> None:
    signer = store.open(store.create("root-g1", KeyKind.P256))
    path = tmp_path_factory.mktemp("out") / "public.der"
    pkcs11_tool(
        softhsm, "--read-object", "--type", "pubkey", "--label", "root-g1", "--output-file", str(path)
    )
    assert path.read_bytes() == signer.public_key.public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )


@pytest.mark.parametrize(
    ("kind", "attribute"),
    [
        (KeyKind.P256, Attribute.VALUE),
        (KeyKind.RSA2048, Attribute.PRIVATE_EXPONENT),
        (KeyKind.RSA2048, Attribute.PRIME_1),
    ],
    ids=["ec", "rsa exponent", "rsa prime"],
)
def test_the_secret_can_not_be_read(
    store: KeyStore, token_keys: TokenKeys, kind: KeyKind, attribute: Attribute
) -> None:
    store.create("root-g1", kind)
    with pytest.raises(TokenError) as caught:
        token_keys._lane.run(lambda session: session._one(ObjectClass.PRIVATE_KEY, "root-g1")[attribute])
    assert caught.value.failure == "AttributeSensitive"


def test_two_objects_of_a_name_are_not_guessed_between(store: KeyStore, softhsm: SoftHsm) -> None:
    uri = store.create("root-g1", KeyKind.P256)
    signer = store.open(uri)
    store.close()
    pkcs11_tool(softhsm, "--keypairgen", "--key-type", "EC:prime256v1", "--label", "root-g1", "--id", "07")
    with pytest.raises(AmbiguousKeyError):
        store.open(uri)
    with pytest.raises(AmbiguousKeyError):
        signer.sign(b"m", SHA256())


def test_a_key_that_can_be_taken_out_is_not_used(store: KeyStore, softhsm: SoftHsm) -> None:
    pkcs11_tool(
        softhsm,
        "--keypairgen",
        "--key-type",
        "EC:prime256v1",
        "--label",
        "root-g1",
        "--id",
        "07",
        "--extractable",
    )
    with pytest.raises(TokenError, match="taken from"):
        store.open(store.uri_of("root-g1"))


@pytest.mark.parametrize("kind", ["EC:secp521r1", "EC:secp256k1"])
def test_a_key_of_a_kind_that_nothing_here_takes_is_refused(
    store: KeyStore, softhsm: SoftHsm, kind: str
) -> None:
    pkcs11_tool(softhsm, "--keypairgen", "--key-type", kind, "--label", "root-g1", "--id", "07")
    with pytest.raises(KeyStoreError):
        store.open(store.uri_of("root-g1"))


def test_a_public_key_that_is_not_the_private_ones_is_found_out(
    store: KeyStore, softhsm: SoftHsm, token_keys: TokenKeys, tmp_path_factory: pytest.TempPathFactory
) -> None:
    uri = store.create("root-g1", KeyKind.P256)
    token_keys._lane.run(lambda session: session._one(ObjectClass.PUBLIC_KEY, "root-g1").destroy())
    with pytest.raises(KeyMissingError):
        store.open(uri)
    path = tmp_path_factory.mktemp("in") / "public.der"
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    path.write_bytes(other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    pkcs11_tool(softhsm, "--write-object", str(path), "--type", "pubkey", "--label", "root-g1", "--id", "07")
    with pytest.raises(KeyCheckError):
        store.open(uri)
    with pytest.raises(KeyCheckError):
        store.health(uri)


def test_another_key_under_an_opened_name_signs_nothing(store: KeyStore, softhsm: SoftHsm) -> None:
    uri = store.create("root-g1", KeyKind.P256)
    signer = store.open(uri)
    softhsm.reset()
    with pytest.raises(KeyMissingError):
        signer.sign(b"m", SHA256())
    store.create("root-g1", KeyKind.P256)
    with pytest.raises(KeyChangedError):
        signer.sign(b"m", SHA256())
    assert store.open(uri).public_key != signer.public_key


@pytest.mark.parametrize("function", ["C_SignInit", "C_Sign"])
@pytest.mark.parametrize("code", LOST, ids=hex)
def test_a_lost_session_is_replaced_once(store: KeyStore, function: str, code: int) -> None:
    signer = store.open(store.create("root-g1", KeyKind.P256))
    with intercepted(function) as signing, intercepted("C_Login") as login:
        signing.answers = [code]
        signature = signer.sign(b"m", SHA256())
        assert login.calls == 1
        assert isinstance(signer.public_key, ec.EllipticCurvePublicKey)
        signer.public_key.verify(signature, b"m", ec.ECDSA(SHA256()))
        calls, signing.always = signing.calls, code
        with pytest.raises(TokenUnavailableError) as caught:
            signer.sign(b"m", SHA256())
        assert caught.value.failure
        assert signing.calls == calls + 2
        assert login.calls == 2
        signing.always = None
        assert signer.sign(b"m", SHA256())


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (CKR_MECHANISM_INVALID, MechanismUnsupportedError),
        (CKR_KEY_TYPE_INCONSISTENT, MechanismUnsupportedError),
        (CKR_DATA_LEN_RANGE, TokenError),
        (CKR_FUNCTION_REJECTED, TokenError),
    ],
)
def test_a_refusal_is_not_repeated(store: KeyStore, code: int, expected: type[TokenError]) -> None:
    signer = store.open(store.create("root-g1", KeyKind.P256))
    with intercepted("C_SignInit") as signing:
        signing.always = code
        with pytest.raises(expected) as caught:
            signer.sign(b"m", SHA256())
        assert not isinstance(caught.value, TokenUnavailableError)
        assert signing.calls == 1


# python-pkcs11 finishes a search that never began, and then can only print that this failed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("function", ["C_FindObjectsInit", "C_GenerateRandom", "C_GetAttributeValue"])
def test_a_session_that_is_lost_in_a_search_is_replaced(store: KeyStore, function: str) -> None:
    uri = store.create("root-g1", KeyKind.P256)
    with intercepted(function) as call:
        call.answers = [CKR_SESSION_HANDLE_INVALID]
        assert store.open(uri).sign(b"m", SHA256())


def test_a_module_that_does_not_initialise_is_unavailable_until_it_does(store: KeyStore) -> None:
    uri = store.create("root-g1", KeyKind.P256)
    signer = store.open(uri)
    with intercepted("C_SignInit") as signing, intercepted("C_Initialize") as initialising:
        signing.answers, initialising.always = [CKR_SESSION_HANDLE_INVALID], CKR_GENERAL_ERROR
        for _ in range(3):
            with pytest.raises(TokenUnavailableError):
                signer.sign(b"m", SHA256())
    assert signer.sign(b"m", SHA256())


def test_a_generation_is_not_repeated(store: KeyStore) -> None:
    with intercepted("C_GenerateKeyPair") as generation:
        generation.always = CKR_DEVICE_ERROR
        with pytest.raises(TokenUnavailableError):
            store.create("root-g1", KeyKind.P256)
        assert generation.calls == 1
    assert store.names() == ()


def test_a_key_that_could_not_be_finished_is_taken_back(store: KeyStore) -> None:
    with intercepted("C_SetAttributeValue") as setting:
        setting.always = CKR_DEVICE_ERROR
        with pytest.raises(TokenUnavailableError):
            store.create("root-g1", KeyKind.P256)
    assert store.names() == ()
    store.health(store.create("root-g1", KeyKind.P256))


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.RSA2048], ids=lambda kind: kind.value)
def test_a_token_without_the_mechanism_says_so(store: KeyStore, kind: KeyKind) -> None:
    with intercepted("C_GetMechanismList") as mechanisms, intercepted("C_GenerateKeyPair") as generation:
        mechanisms.after = lambda _slot, _list, count: write_ulong(count, 0)
        with pytest.raises(MechanismUnsupportedError):
            store.create("root-g1", kind)
        with pytest.raises(MechanismUnsupportedError):
            store.create_master_keys(("card",))
        assert generation.calls == 0


def write_ulong(address: int, value: int) -> None:
    memory(address, 8)[:] = value.to_bytes(8, "little")


def memory(address: int, length: int) -> memoryview:
    return memoryview((ctypes.c_ubyte * length).from_address(address)).cast("B")


def flip(_session: int, _data: int, _length: int, signature: int | None, _size: int) -> None:
    if signature:
        memory(signature, 1)[0] ^= 1


def shorten(_session: int, _data: int, _length: int, signature: int | None, size: int) -> None:
    if signature:
        write_ulong(size, 63)


@pytest.mark.parametrize(("fault", "expected"), [(flip, KeyCheckError), (shorten, TokenError)])
def test_a_wrong_signature_is_found_by_the_probe(
    store: KeyStore, fault: Callable[..., None], expected: type[KeyStoreError]
) -> None:
    uri = store.create("root-g1", KeyKind.P256)
    with intercepted("C_Sign") as signing:
        signing.after = fault
        with pytest.raises(expected):
            store.health(uri)
    store.health(uri)


def test_an_rsa_key_takes_no_other_hash(store: KeyStore) -> None:
    signer = store.open(store.create("root-g1", KeyKind.RSA2048))
    with pytest.raises(MechanismUnsupportedError):
        signer.sign_digest(bytes(32), SHA3_256())


def test_a_handle_is_looked_up_once(store: KeyStore) -> None:
    signer = store.open(store.create("root-g1", KeyKind.P256))
    with intercepted("C_FindObjectsInit") as search, intercepted("C_Login") as login:
        for _ in range(10):
            signer.sign(b"m", SHA256())
    assert search.calls == login.calls == 0
