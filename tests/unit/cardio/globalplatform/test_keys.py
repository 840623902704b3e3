"""Key sets: one per card, and what PUT KEY makes of them."""

import itertools

import pytest
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, CounterLocation, Mode

from cardio.globalplatform.keys import KeySet, encrypt_key
from cardio.globalplatform.putkey import KeyField, put_key_data
from tests.unit.cardio.globalplatform.conftest import key_set
from tests.unit.cardio.globalplatform.model import cbc

MASTER = bytes(range(32))


def derive(label: bytes, context: bytes, length: int) -> bytes:
    """SP 800-108 as a master key's owner does it."""
    return KBKDFCMAC(
        AES, Mode.CounterMode, length, 4, 4, CounterLocation.BeforeFixed, label, context, None
    ).derive(MASTER)


@pytest.mark.parametrize("key_bytes", [16, 24, 32])
def test_every_card_version_and_purpose_has_its_own_keys(key_bytes: int) -> None:
    sets = [
        KeySet.diversified(derive, card, version, key_bytes)
        for card, version in itertools.product((b"\0\0\0\1", b"\0\0\0\2"), (0x30, 0x31))
    ]
    keys = {key for one in sets for key in one.keys}
    assert len(keys) == 12
    assert {len(key) for key in keys} == {key_bytes}
    assert sets[0] == KeySet.diversified(derive, b"\0\0\0\1", 0x30, key_bytes)


def test_no_key_shows_in_a_repr() -> None:
    keys = key_set(0x30)
    assert repr(keys) == "KeySet(version=48)"


@pytest.mark.parametrize("key_bytes", [16, 24, 32])
def test_keys_under_the_dek(key_bytes: int) -> None:
    dek, key = bytes(16), bytes(range(key_bytes))
    encrypted = encrypt_key(dek, key)
    assert len(encrypted) == -(-key_bytes // 16) * 16
    assert cbc(dek, bytes(16), encrypted, encrypt=False) == key + bytes(len(encrypted) - key_bytes)


@pytest.mark.parametrize(
    ("key_bytes", "form", "field"),
    [
        (16, KeyField.WITH_KEY_LENGTH, "881110"),
        (24, KeyField.WITH_KEY_LENGTH, "882118"),
        (32, KeyField.WITH_KEY_LENGTH, "882120"),
        (16, KeyField.BARE, "8810"),
        (24, KeyField.BARE, "882118"),
        (32, KeyField.BARE, "8820"),
    ],
)
def test_the_head_of_a_key_field(key_bytes: int, form: KeyField, field: str) -> None:
    data = put_key_data(key_set(0x7F, key_bytes), bytes(16), form).hex()
    assert data.startswith("7f" + field)
    assert data.count(field) == 3


def test_a_key_set_of_unequal_keys() -> None:
    for keys in ((16, 16, 24), (15, 15, 15), (0, 0, 0), (64, 64, 64)):
        with pytest.raises(ValueError, match="one length"):
            KeySet(1, *(bytes(length) for length in keys))
    for version in (-1, 256):
        with pytest.raises(ValueError, match="one byte"):
            key_set(version)
