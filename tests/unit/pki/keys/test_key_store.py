"""The store over a folder: settings, names, and what a home's keys owe their callers."""

from pathlib import Path

import pytest

from pki.errors import KeyExistsError, KeyMissingError, KeyUriError, WrongPassphraseError
from pki.keys.kinds import KeyKind
from pki.keys.store import DEFAULT_LOCATION, KeyStore

MASTER_NAMES = ("card", "factory")


def store(folder: Path, passphrase: bytes = b"secret") -> KeyStore:
    return KeyStore.from_settings(folder, DEFAULT_LOCATION, lambda: passphrase)


def test_the_passphrase_is_not_asked_for_before_it_is_needed(tmp_path: Path) -> None:
    def refuse() -> bytes:
        raise LookupError

    opened = KeyStore.from_settings(tmp_path, DEFAULT_LOCATION, refuse)
    assert opened.names() == ()
    with pytest.raises(LookupError):
        opened.create("root-g1", KeyKind.P256)


@pytest.mark.parametrize("location", ["", "file", "file:/elsewhere", "file:root.pem", "vault:x"])
def test_other_places_are_refused(tmp_path: Path, location: str) -> None:
    with pytest.raises(KeyUriError):
        KeyStore.from_settings(tmp_path, location, bytes)


def test_a_master_key_that_the_file_lacks_is_missing(tmp_path: Path) -> None:
    store(tmp_path).create_master_keys(("card",))
    with pytest.raises(KeyMissingError):
        store(tmp_path).open_master_keys(MASTER_NAMES)
    with pytest.raises(KeyExistsError):
        store(tmp_path).create_master_keys(MASTER_NAMES)


def test_master_keys_want_the_passphrase_too(tmp_path: Path) -> None:
    store(tmp_path).create_master_keys(MASTER_NAMES)
    with pytest.raises(WrongPassphraseError):
        store(tmp_path, b"other").open_master_keys(MASTER_NAMES)


def test_unfinished_files_are_no_keys(tmp_path: Path) -> None:
    (tmp_path / ".root-g1.pem.0011.new").write_bytes(b"half")
    (tmp_path / ".hidden.pem").write_bytes(b"half")
    opened = store(tmp_path)
    assert opened.names() == ()
    assert not opened.exists("root-g1")


def test_no_temporary_file_stays(tmp_path: Path) -> None:
    opened = store(tmp_path)
    opened.create("root-g1", KeyKind.P256)
    with pytest.raises(KeyExistsError):
        opened.create("root-g1", KeyKind.P256)
    assert [path.name for path in tmp_path.iterdir()] == ["root-g1.pem"]
