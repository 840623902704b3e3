"""Master keys, from which every card's keys are derived (NIST SP 800-108r1), in one encrypted file."""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, CounterLocation, Mode

from pki.errors import KeyStoreError, WrongPassphraseError
from pki.keys.disk import read_bounded, write_new_file
from pki.keys.files import shared_parameters
from pki.keys.stretching import ScryptParameters, stretch

MASTER_KEY_BYTES = 32
FIELD_BYTES = 4  # the counter [i]2 and the length [L]2 as 32-bit numbers, SP 800-108r1 §4.1
_BLOCK_BYTES = 16  # of AES
_MAX_DERIVED_BYTES = 1024
_FORMAT = 2
_NONCE_BYTES = 12  # SP 800-38D §5.2.1.1
_MAX_FILE = 65_536
_PURPOSE = b"hoviat master keys"


class MasterKey(Protocol):
    """A key that only derives. `derive` is one-way: a card's keys say nothing of the master key."""

    def derive(self, label: bytes, context: bytes, length: int) -> bytes:
        """`length` bytes by counter-mode KDF with AES-CMAC over [i] ‖ label ‖ 00 ‖ context ‖ [L] (§4.1).

        Raises ValueError for no label or a senseless length, TokenError where the key's token fails.
        """
        ...


class FileMasterKey:
    """A `MasterKey` of this process's memory."""

    def __init__(self, key: bytes) -> None:
        if len(key) != MASTER_KEY_BYTES:
            raise ValueError(f"a master key has {MASTER_KEY_BYTES} bytes")
        self._key = key

    def __repr__(self) -> str:
        return "FileMasterKey(…)"

    def derive(self, label: bytes, context: bytes, length: int) -> bytes:
        """See `MasterKey.derive`."""
        require_derivation(label, length)
        return KBKDFCMAC(
            algorithm=AES,
            mode=Mode.CounterMode,
            length=length,
            rlen=FIELD_BYTES,
            llen=FIELD_BYTES,
            location=CounterLocation.BeforeFixed,
            label=label,
            context=context,
            fixed=None,
        ).derive(self._key)


def require_derivation(label: bytes, length: int) -> None:
    """Raises ValueError for what no master key derives."""
    if not label or not 1 <= length <= _MAX_DERIVED_BYTES:
        raise ValueError(f"derive needs a label and a length of 1 to {_MAX_DERIVED_BYTES}")


def derivation_blocks(label: bytes, context: bytes, length: int) -> list[bytes]:
    """What the CMACs of `MasterKey.derive` are over. Raises ValueError as `require_derivation` does."""
    require_derivation(label, length)
    return counter_blocks(label + b"\0" + context + (length * 8).to_bytes(FIELD_BYTES), length)


def counter_blocks(fixed: bytes, length: int) -> list[bytes]:
    """[i] ‖ fixed input for as many blocks as give `length` bytes (§4.1)."""
    blocks = -(-length // _BLOCK_BYTES)
    return [counter.to_bytes(FIELD_BYTES) + fixed for counter in range(1, blocks + 1)]


MasterKeys: TypeAlias = Mapping[str, MasterKey]
"""By name: `card` is the issuer's, `factory` the one shared with the card manufacturer."""


@dataclass(frozen=True)
class _Sealed:
    nonce: bytes
    ciphertext: bytes


def create_master_keys(path: Path, names: tuple[str, ...], passphrase: bytes) -> MasterKeys:
    """Makes fresh random keys and writes them, encrypted, to a new file."""
    parameters = shared_parameters(path.parent)
    sealing = AESGCM(_sealing_key(passphrase, parameters))
    keys = {name: os.urandom(MASTER_KEY_BYTES) for name in names}
    document = {
        "format": _FORMAT,
        "kdf": {"scrypt": [parameters.n, parameters.r, parameters.p], "salt": _text(parameters.salt)},
        "keys": {name: _seal(sealing, name, key) for name, key in keys.items()},
    }
    write_new_file(path, json.dumps(document, indent=1).encode() + b"\n")
    return {name: FileMasterKey(key) for name, key in keys.items()}


def load_master_keys(path: Path, passphrase: bytes) -> MasterKeys:
    """Opens the file. Raises KeyMissingError, WrongPassphraseError, else KeyStoreError."""
    parameters, sealed = _read(path)
    opening = AESGCM(_sealing_key(passphrase, parameters))
    try:
        return {
            name: FileMasterKey(opening.decrypt(item.nonce, item.ciphertext, name.encode()))
            for name, item in sealed.items()
        }
    except InvalidTag as error:
        raise WrongPassphraseError(path) from error
    except ValueError as error:
        raise KeyStoreError(path, "is damaged") from error


def _read(path: Path) -> tuple[ScryptParameters, dict[str, _Sealed]]:
    try:
        document = json.loads(read_bounded(path, _MAX_FILE))
        if document["format"] != _FORMAT:
            raise KeyStoreError(path, "is of a format this version does not know")
        n, r, p = document["kdf"]["scrypt"]
        parameters = ScryptParameters(_bytes(document["kdf"]["salt"]), n, r, p)
        sealed = {
            name: _Sealed(_bytes(item["nonce"]), _bytes(item["ciphertext"]))
            for name, item in document["keys"].items()
        }
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise KeyStoreError(path, "is damaged") from error
    return parameters, sealed


def _seal(sealing: AESGCM, name: str, key: bytes) -> dict[str, str]:
    nonce = os.urandom(_NONCE_BYTES)
    # The name is authenticated too, so that two keys of the file can't be swapped.
    return {"nonce": _text(nonce), "ciphertext": _text(sealing.encrypt(nonce, key, name.encode()))}


def _sealing_key(passphrase: bytes, parameters: ScryptParameters) -> bytes:
    """Apart from the key that encrypts PKCS#8 files under the same salt (RFC 5869 §2.3)."""
    return HKDFExpand(SHA256(), MASTER_KEY_BYTES, _PURPOSE).derive(stretch(passphrase, parameters))


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(value: str) -> bytes:
    return base64.b64decode(value, validate=True)
