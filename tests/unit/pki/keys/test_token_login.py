"""Logging in to a token: a wrong PIN is given once, the last try never."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from pki.errors import (
    KeyMissingError,
    KeyUriError,
    PinError,
    PinLockedError,
    PinSourceError,
    TokenMissingError,
    TokenModuleError,
    TokenUnavailableError,
    WrongPinError,
)
from pki.keys.kinds import KeyKind
from pki.keys.store import KeyStore
from tests.softhsm import (
    FLAG_USER_PIN_FINAL_TRY,
    FLAG_USER_PIN_LOCKED,
    LABEL,
    MODULE,
    PIN,
    SO_PIN,
    SoftHsm,
    intercepted,
    set_token_flags,
)

CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE = 0xA0, 0xA1, 0xA2
CKR_PIN_EXPIRED, CKR_PIN_LOCKED, CKR_USER_PIN_NOT_INITIALIZED = 0xA3, 0xA4, 0x102

Opener = Callable[..., KeyStore]


@pytest.fixture
def opened(softhsm: SoftHsm, tmp_path: Path) -> Iterator[Opener]:
    stores: list[KeyStore] = []

    def open_store(pin: str | None = PIN, location: str = softhsm.location) -> KeyStore:
        stores.append(KeyStore.from_settings(tmp_path, location, bytes, pin))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


def test_any_number_of_uses_of_a_wrong_pin_is_one_login(opened: Opener) -> None:
    uri = opened().create("root-g1", KeyKind.P256)
    with intercepted("C_Login") as login:
        for _ in range(5):
            store = opened("000000")
            for use in (
                store.names,
                lambda store=store: store.open(uri),
                lambda store=store: store.health(uri),
            ):
                with pytest.raises(WrongPinError) as caught:
                    use()
                assert "000000" not in str(caught.value)
            with pytest.raises(WrongPinError):
                store.create("other", KeyKind.P256)
    assert login.calls == 1


def test_another_pin_is_tried_once_too_and_the_right_one_still_opens(opened: Opener) -> None:
    with intercepted("C_Login") as login:
        for pin in ("000000", "000001", "000000", "000001"):
            with pytest.raises(WrongPinError):
                opened(pin).names()
        assert login.calls == 2
        assert opened().names() == ()
        assert login.calls == 3


def test_a_pin_file_that_is_put_right_opens_without_a_restart(
    opened: Opener, tmp_path: Path, softhsm: SoftHsm
) -> None:
    path = tmp_path / "pin"
    path.touch(0o600)
    path.write_text("000000")
    store = opened(None, f"{softhsm.location}&pin-source=file:{path}")
    for _ in range(3):
        with pytest.raises(WrongPinError):
            store.names()
    path.write_text(PIN)
    assert store.names() == ()


def test_a_store_with_a_wrong_pin_does_not_use_the_session_of_another(opened: Opener) -> None:
    right = opened()
    uri = right.create("root-g1", KeyKind.P256)
    signer = right.open(uri)
    with pytest.raises(WrongPinError):
        opened("000000").open(uri)
    assert signer.sign(b"m", SHA256())
    assert right.names() == ("root-g1",)


@pytest.mark.parametrize("code", [CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE])
def test_a_refused_pin_is_remembered(opened: Opener, code: int) -> None:
    with intercepted("C_Login") as login:
        login.always = code
        for _ in range(3):
            with pytest.raises(WrongPinError):
                opened().names()
        assert login.calls == 1


@pytest.mark.parametrize(
    ("code", "expected"), [(CKR_PIN_LOCKED, PinLockedError), (CKR_PIN_EXPIRED, PinError)]
)
def test_other_refusals_are_told_apart(opened: Opener, code: int, expected: type[PinError]) -> None:
    with intercepted("C_Login") as login:
        login.always = code
        with pytest.raises(expected) as caught:
            opened().names()
        assert not isinstance(caught.value, WrongPinError)
        assert login.calls == 1


@pytest.mark.parametrize("flag", [FLAG_USER_PIN_FINAL_TRY, FLAG_USER_PIN_LOCKED])
def test_the_last_try_is_not_used_up(opened: Opener, flag: int) -> None:
    with intercepted("C_Login") as login, intercepted("C_GetTokenInfo") as information:
        information.after = set_token_flags(flag)
        for pin in (PIN, "000000"):
            with pytest.raises(PinLockedError):
                opened(pin).names()
        assert login.calls == 0
    assert opened().names() == ()


def test_without_a_pin_nothing_is_tried(opened: Opener) -> None:
    with intercepted("C_Login") as login:
        with pytest.raises(PinSourceError):
            opened(None).names()
        assert login.calls == 0


def test_a_token_whose_user_pin_is_not_set_yet_is_unavailable_until_it_is(opened: Opener) -> None:
    store = opened()
    with intercepted("C_Login") as login:
        login.always = CKR_USER_PIN_NOT_INITIALIZED
        with pytest.raises(TokenUnavailableError):
            store.names()
        assert login.calls == 2
    assert store.names() == ()


def test_a_pin_that_was_unlocked_opens_without_a_restart(opened: Opener) -> None:
    store = opened()
    with intercepted("C_GetTokenInfo") as information:
        information.after = set_token_flags(FLAG_USER_PIN_LOCKED)
        with pytest.raises(PinLockedError):
            store.names()
    assert store.names() == ()


@pytest.mark.parametrize("path", ["/nonexistent/module.so", "/etc/passwd", "/etc", "/dev/zero"])
def test_a_module_that_is_none_is_named(opened: Opener, path: str) -> None:
    with pytest.raises(TokenModuleError, match=Path(path).name):
        opened(PIN, f"pkcs11:token=a?module-path={path}").names()


def test_a_library_that_is_no_module_is_named(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "lib.so").write_bytes(Path("/lib/x86_64-linux-gnu/libc.so.6").resolve().read_bytes())
    with pytest.raises(TokenModuleError):
        opened(PIN, f"pkcs11:token=a?module-path={tmp_path}/lib.so").names()


@pytest.mark.parametrize(
    "location",
    [
        f"pkcs11:?module-path={MODULE}",
        f"pkcs11:manufacturer=SoftHSM%20project?module-path={MODULE}",
        f"pkcs11:token=a;object=b?module-path={MODULE}",
        f"pkcs11:token=a;type=private?module-path={MODULE}",
        f"pkcs11:token=a;id=b?module-path={MODULE}",
        "pkcs11:token=a",
        "pkcs11:token=a?module-path=libsofthsm2.so",
        f"pkcs11:token=a?module-path={MODULE}&pin-source=pin",
    ],
)
def test_a_location_that_is_no_token_is_refused_at_once(opened: Opener, location: str) -> None:
    with pytest.raises(KeyUriError):
        opened(None, location)


@pytest.mark.parametrize(
    "attributes",
    [
        "token=another",
        "token=hoviat%20test;serial=0",
        "token=hoviat%20test;model=1",
        "manufacturer=a;token=a",
    ],
)
def test_a_missing_token_is_called_missing(opened: Opener, attributes: str) -> None:
    with intercepted("C_Login") as login:
        with pytest.raises(TokenMissingError):
            opened(PIN, f"pkcs11:{attributes}?module-path={MODULE}").names()
        assert login.calls == 0


def test_two_tokens_of_one_label_are_told_apart_by_serial_or_not_at_all(
    opened: Opener, softhsm: SoftHsm
) -> None:
    first = opened()
    first.create("root-g1", KeyKind.P256)
    first.close()
    (serial,) = softhsm.serials()
    softhsm.run("--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", SO_PIN)
    with pytest.raises(TokenMissingError, match="several"):
        opened().names()
    by_serial = opened(PIN, f"pkcs11:serial={serial}?module-path={MODULE}")
    assert by_serial.names() == ("root-g1",)
    assert serial in by_serial.uri_of("root-g1")
    by_serial.health(by_serial.uri_of("root-g1"))


def test_a_keys_uri_names_neither_module_nor_pin_and_can_not(
    opened: Opener, softhsm: SoftHsm, tmp_path: Path
) -> None:
    pin = tmp_path / "pin"
    pin.touch(0o600)
    pin.write_text(PIN)
    store = opened(None, f"{softhsm.location}&pin-source=file:{pin}")
    uri = store.create("root-g1", KeyKind.P256)
    assert "?" not in uri
    assert (
        store.open(f"{uri}?module-path={MODULE}&pin-source=file:{pin}").public_key
        == store.open(uri).public_key
    )
    for query in ("module-path=/tmp/evil.so", "pin-source=file:/etc/passwd"):
        with pytest.raises(KeyUriError):
            store.open(f"{uri}?{query}")


@pytest.mark.parametrize(
    "uri",
    [
        "pkcs11:token=another;object=root-g1",
        "pkcs11:serial=0;object=root-g1",
        "pkcs11:type=private",
        "pkcs11:object=root-g1;type=public",
        "pkcs11:object=root-g1;type=secret-key",
        "pkcs11:object=root-g1;id=%01",
    ],
)
def test_a_uri_of_something_else_is_refused(opened: Opener, uri: str) -> None:
    store = opened()
    store.create("root-g1", KeyKind.P256)
    with pytest.raises(KeyUriError):
        store.open(uri)


def test_files_stay_open_beside_a_token_but_no_token_beside_files(softhsm: SoftHsm, tmp_path: Path) -> None:
    files = KeyStore.from_settings(tmp_path, "file:", lambda: b"secret")
    uri = files.create("root-g1", KeyKind.P256)
    both = KeyStore.from_settings(tmp_path, softhsm.location, lambda: b"secret", PIN)
    assert both.open(uri).public_key == files.open(uri).public_key
    with pytest.raises(KeyMissingError):
        both.open(both.uri_of("root-g1"))
    with pytest.raises(KeyUriError):
        files.open(both.uri_of("root-g1"))
    both.close()
