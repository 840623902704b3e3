"""Master keys: SP 800-108 derivation, and a file that only its passphrase opens."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st

from pki.errors import KeyStoreError, WrongPassphraseError
from pki.keys.masterkeys import FileMasterKey, create_master_keys, load_master_keys

KEY = bytes(range(32))


def counter_mode(label: bytes, context: bytes, length: int) -> bytes:
    """SP 800-108r1 §4.1 written out: K(i) = PRF(K, [i] ‖ Label ‖ 00 ‖ Context ‖ [L]), L in bits."""
    output = b""
    for counter in range(1, -(-length // 16) + 1):
        mac = CMAC(AES(KEY))
        mac.update(counter.to_bytes(4, "big") + label + b"\0" + context + (length * 8).to_bytes(4, "big"))
        output += mac.finalize()
    return output[:length]


def test_the_prf_is_the_cmac_of_rfc_4493() -> None:
    # RFC 4493 §4, example 2
    mac = CMAC(AES(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")))
    mac.update(bytes.fromhex("6bc1bee22e409f96e93d7e117393172a"))
    assert mac.finalize().hex() == "070a16b46b4d4144f79bdd9dd04a287c"


@given(label=st.binary(min_size=1, max_size=20), context=st.binary(max_size=20), length=st.integers(1, 100))
def test_derivation_is_counter_mode_with_cmac(label: bytes, context: bytes, length: int) -> None:
    assert FileMasterKey(KEY).derive(label, context, length) == counter_mode(label, context, length)


@pytest.mark.parametrize(("label", "length"), [(b"", 16), (b"x", 0), (b"x", 1025)])
def test_senseless_derivations_are_refused(label: bytes, length: int) -> None:
    with pytest.raises(ValueError, match="derive needs"):
        FileMasterKey(KEY).derive(label, b"", length)


def test_a_short_master_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        FileMasterKey(bytes(16))


def test_keys_are_read_back_as_they_were_made(tmp_path: Path) -> None:
    made = create_master_keys(tmp_path / "m", ("card", "factory"), b"secret")
    read = load_master_keys(tmp_path / "m", b"secret")
    assert set(read) == {"card", "factory"}
    for name, key in made.items():
        assert read[name].derive(b"l", b"c", 16) == key.derive(b"l", b"c", 16)
    assert made["card"].derive(b"l", b"c", 16) != made["factory"].derive(b"l", b"c", 16)
    assert "FileMasterKey(…)" in repr(made)


def test_a_wrong_passphrase_has_its_own_error(tmp_path: Path) -> None:
    create_master_keys(tmp_path / "m", ("card",), b"secret")
    with pytest.raises(WrongPassphraseError):
        load_master_keys(tmp_path / "m", b"other")


def test_swapped_keys_do_not_open(tmp_path: Path) -> None:
    path = tmp_path / "m"
    create_master_keys(path, ("card", "factory"), b"secret")
    document = json.loads(path.read_bytes())
    keys = document["keys"]
    keys["card"], keys["factory"] = keys["factory"], keys["card"]
    path.write_text(json.dumps(document))
    with pytest.raises(KeyStoreError):
        load_master_keys(path, b"secret")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"{", b"\xff", b'{"format": 3, "kdf": {}, "keys": {}}', b"1" * 70_000]
)
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(KeyStoreError):
        load_master_keys(tmp_path / "m", b"secret")
