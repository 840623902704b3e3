"""Master keys, from which every card's keys are derived (NIST SP 800-108r1), in one encrypted file."""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, CounterLocation, Mode
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from pki.errors import KeyStoreError, WrongPassphraseError
from pki.keys.files import read_bounded, write_new_file

MASTER_KEY_BYTES = 32
_FIELD_BYTES = 4  # the counter [i]2 and the length [L]2 as 32-bit numbers, SP 800-108r1 §4.1
_MAX_DERIVED_BYTES = 1024
_FORMAT = 1
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**15, 8, 1  # 32 MiB, the interactive cost of RFC 7914 §2
_SALT_BYTES = 16
_NONCE_BYTES = 12  # SP 800-38D §5.2.1.1
_MAX_FILE = 65_536


class MasterKey:
    """A key that only derives. `derive` is one-way: a card's keys say nothing of the master key."""

    def __init__(self, key: bytes) -> None:
        if len(key) != MASTER_KEY_BYTES:
            raise ValueError(f"a master key has {MASTER_KEY_BYTES} bytes")
        self._key = key

    def __repr__(self) -> str:
        return "MasterKey(…)"

    def derive(self, label: bytes, context: bytes, length: int) -> bytes:
        """`length` bytes by counter-mode KDF with AES-CMAC over [i] ‖ label ‖ 00 ‖ context ‖ [L] (§4.1)."""
        if not label or not 1 <= length <= _MAX_DERIVED_BYTES:
            raise ValueError(f"derive needs a label and a length of 1 to {_MAX_DERIVED_BYTES}")
        return KBKDFCMAC(
            algorithm=AES,
            mode=Mode.CounterMode,
            length=length,
            rlen=_FIELD_BYTES,
            llen=_FIELD_BYTES,
            location=CounterLocation.BeforeFixed,
            label=label,
            context=context,
            fixed=None,
        ).derive(self._key)


MasterKeys: TypeAlias = Mapping[str, MasterKey]
"""By name: `card` is the issuer's, `factory` the one shared with the card manufacturer."""


@dataclass(frozen=True)
class _Sealed:
    nonce: bytes
    ciphertext: bytes


def create_master_keys(path: Path, names: tuple[str, ...], passphrase: bytes) -> MasterKeys:
    """Makes fresh random keys and writes them, encrypted, to a new file."""
    salt = os.urandom(_SALT_BYTES)
    sealing = AESGCM(_scrypt(passphrase, salt))
    keys = {name: os.urandom(MASTER_KEY_BYTES) for name in names}
    document = {
        "format": _FORMAT,
        "kdf": {"scrypt": [_SCRYPT_N, _SCRYPT_R, _SCRYPT_P], "salt": _text(salt)},
        "keys": {name: _seal(sealing, name, key) for name, key in keys.items()},
    }
    write_new_file(path, json.dumps(document, indent=1).encode() + b"\n")
    return {name: MasterKey(key) for name, key in keys.items()}


def load_master_keys(path: Path, passphrase: bytes) -> MasterKeys:
    """Opens the file. Raises WrongPassphraseError, else KeyStoreError."""
    salt, sealed = _read(path)
    opening = AESGCM(_scrypt(passphrase, salt))
    try:
        return {
            name: MasterKey(opening.decrypt(item.nonce, item.ciphertext, name.encode()))
            for name, item in sealed.items()
        }
    except InvalidTag as error:
        raise WrongPassphraseError(path) from error
    except ValueError as error:
        raise KeyStoreError(path, "is damaged") from error


def _read(path: Path) -> tuple[bytes, dict[str, _Sealed]]:
    try:
        document = json.loads(read_bounded(path, _MAX_FILE))
        if document["format"] != _FORMAT or document["kdf"]["scrypt"] != [_SCRYPT_N, _SCRYPT_R, _SCRYPT_P]:
            raise KeyStoreError(path, "is of a format this version does not know")
        sealed = {
            name: _Sealed(_bytes(item["nonce"]), _bytes(item["ciphertext"]))
            for name, item in document["keys"].items()
        }
        return _bytes(document["kdf"]["salt"]), sealed
    except (KeyError, TypeError, AttributeError, ValueError, binascii.Error) as error:
        raise KeyStoreError(path, "is damaged") from error


def _seal(sealing: AESGCM, name: str, key: bytes) -> dict[str, str]:
    nonce = os.urandom(_NONCE_BYTES)
    # The name is authenticated too, so that two keys of the file can't be swapped.
    return {"nonce": _text(nonce), "ciphertext": _text(sealing.encrypt(nonce, key, name.encode()))}


def _scrypt(passphrase: bytes, salt: bytes) -> bytes:
    return Scrypt(salt, length=MASTER_KEY_BYTES, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P).derive(passphrase)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(value: str) -> bytes:
    return base64.b64decode(value, validate=True)
