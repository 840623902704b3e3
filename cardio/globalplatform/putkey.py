"""The data fields of PUT KEY (GPCS 2.3.1, 11.8; Amendment D v1.2, 7.2)."""

import hmac
from enum import Enum, unique

from cardio.errors import UnexpectedAnswerError
from cardio.globalplatform.errors import KeyCheckValueError
from cardio.globalplatform.keys import (
    AES_BLOCK_BYTES,
    CHECK_VALUE_BYTES,
    MAX_VERSION,
    KeySet,
    encrypt_key,
)

FIRST_KEY_OF_SEVERAL = 0x81  # P2: more than one key, from identifier 1 on (11.8.2.2)
ADD_KEYS = 0x00  # P1: no version is replaced (11.8.2.1)
_KEY_TYPE_AES = 0x88  # GPCS 11.1.8


@unique
class KeyField(Enum):
    """How a key stands in the data field; cards differ."""

    WITH_KEY_LENGTH = "with the key's length"
    """`88 11 10 <16 bytes> 03 <KCV>`, as Amendment D, 7.2 has it: what we send unless told otherwise."""

    BARE = "bare"
    """`88 10 <16 bytes> 03 <KCV>`, GPCS table 11-71; YubiKeys take only this. A key of 24 bytes, which is
    padded, has its length before it here too (table 11-70)."""


def put_key_data(new: KeySet, dek: bytes, form: KeyField) -> bytes:
    """The new version and its three keys, encrypted under the session's static Key-DEK.

    :raises ValueError: a version that PUT KEY can't give
    """
    if not 0 < new.version <= MAX_VERSION:
        raise ValueError(f"a key set is put under a version of 1 to {MAX_VERSION}")
    return bytes((new.version,)) + b"".join(
        _key_field(key, value, dek, form) for key, value in zip(new.keys, new.check_values, strict=True)
    )


def _key_field(key: bytes, check_value: bytes, dek: bytes, form: KeyField) -> bytes:
    block = encrypt_key(dek, key)
    if form is KeyField.WITH_KEY_LENGTH or len(key) % AES_BLOCK_BYTES:
        block = bytes((len(key),)) + block
    return bytes((_KEY_TYPE_AES, len(block))) + block + bytes((CHECK_VALUE_BYTES,)) + check_value


def check_put_key_answer(new: KeySet, answer: bytes) -> None:
    """Compares the card's confirmation, version and check values (11.8.3.1), with what was sent.

    :raises UnexpectedAnswerError: of another length
    :raises KeyCheckValueError: it names another version or other keys
    """
    expected = bytes((new.version,)) + b"".join(new.check_values)
    if len(answer) != len(expected):
        raise UnexpectedAnswerError(f"PUT KEY answered {len(answer)} bytes")
    if not hmac.compare_digest(answer, expected):
        raise KeyCheckValueError(new.version)
