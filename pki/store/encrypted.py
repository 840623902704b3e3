"""Columns that the database holds encrypted: who takes its files, a dump or a disk learns no person's data.

A column is encrypted under a key of its own, and its name is authenticated: a value that is moved to another
column can't be read. Moving a value between rows of one column is not noticed here: a row that this must not
happen to has a seal over its values.

Two ways:
- with a nonce (AES-256-GCM, NIST SP 800-38D): equal values look different, nothing can be searched;
- without (AES-SIV, RFC 5297): equal values look the same, so they can be keys, joined and looked up.
"""

import base64
import hmac
import json
import os
from abc import abstractmethod
from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from sqlalchemy import Dialect, Engine, LargeBinary, String
from sqlalchemy.types import TypeDecorator

from pki.errors import PkiError
from pki.keys.masterkeys import MasterKey, MasterKeys

_MASTER_KEY = "card"
"""Every founded installation has it, in files or on a token; labels keep what is derived from it apart."""
_LABEL = b"hoviat personal data"
_VERSION = 1
_NONCE_BYTES = 12  # SP 800-38D §5.2.1.1
_GCM_KEY_BYTES = 32
_SIV_KEY_BYTES = 64  # RFC 5297 §2.2: two keys of AES-256
_INDEX_KEY_BYTES = 32
_INDEX_BYTES = 16
_LENGTH_BYTES = 8
_SIV_TAG_BYTES = 16
_GCM_TAG_BYTES = 16  # SP 800-38D §5.2.1.2
OVERHEAD_BYTES = 1 + _NONCE_BYTES + _GCM_TAG_BYTES
"""Of an encrypted column over its value: so the database can tell an empty one, and bound the rest."""

ValueT = TypeVar("ValueT")


class EncryptedColumnError(PkiError):
    """A value in the column `column` was not written by this installation, or was altered."""

    def __init__(self, column: str) -> None:
        super().__init__(f"a value of {column} can't be decrypted: altered, moved, or another installation's")
        self.column = column


class NoCipherError(PkiError):
    """Nobody gave the engine a cipher, so its encrypted columns can't be read or written."""

    def __init__(self, column: str) -> None:
        super().__init__(f"{column} is encrypted, and this database was opened without its key")
        self.column = column


class ColumnCipher:
    """Encrypts for columns, each known by its name, `table.column`."""

    def __init__(self, master_key: MasterKey) -> None:
        self._master_key = master_key
        self._gcm = cache(lambda column: AESGCM(self._derived(b"gcm", column, _GCM_KEY_BYTES)))
        self._siv = cache(lambda column: AESSIV(self._derived(b"siv", column, _SIV_KEY_BYTES)))
        self._seal = cache(lambda domain: self._derived(b"seal", domain, _INDEX_KEY_BYTES))
        self._index = cache(lambda column: self._derived(b"index", column, _INDEX_KEY_BYTES))

    @classmethod
    def of(cls, master_keys: MasterKeys) -> "ColumnCipher":
        """The installation's."""
        return cls(master_keys[_MASTER_KEY])

    def __repr__(self) -> str:
        return "ColumnCipher(…)"

    def encrypt(self, column: str, data: bytes) -> bytes:
        """Version ‖ nonce ‖ ciphertext and tag: OVERHEAD_BYTES more than `data`."""
        nonce = os.urandom(_NONCE_BYTES)
        return bytes((_VERSION,)) + nonce + self._gcm(column).encrypt(nonce, data, column.encode())

    def decrypt(self, column: str, data: bytes) -> bytes:
        """What was encrypted for this column. Raises EncryptedColumnError."""
        nonce, rest = data[1 : 1 + _NONCE_BYTES], data[1 + _NONCE_BYTES :]
        if len(data) <= _NONCE_BYTES or data[0] != _VERSION:
            raise EncryptedColumnError(column)
        try:
            return bytes(self._gcm(column).decrypt(nonce, rest, column.encode()))
        except InvalidTag as error:
            raise EncryptedColumnError(column) from error

    def disguise(self, domain: str, text: str) -> str:
        """The same for the same text, in any column of the domain: base64url of tag ‖ ciphertext."""
        data = self._siv(domain).encrypt(text.encode(), [domain.encode()])
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def reveal(self, domain: str, disguised: str) -> str:
        """Undoes `disguise`. Raises EncryptedColumnError."""
        try:
            data = base64.urlsafe_b64decode(disguised + "=" * (-len(disguised) % 4))
            return bytes(self._siv(domain).decrypt(data, [domain.encode()])).decode()
        except (InvalidTag, ValueError) as error:
            raise EncryptedColumnError(domain) from error

    def index(self, domain: str, text: str) -> str:
        """32 hexadecimal digits by which an equal text is found, and nothing is read (HMAC-SHA-256)."""
        return hmac.digest(self._index(domain), text.encode(), "sha256")[:_INDEX_BYTES].hex()

    def seal(self, domain: str, values: Iterable[bytes]) -> str:
        """64 hexadecimal digits over the values of one row, in their order (HMAC-SHA-256)."""
        framed = b"".join(len(value).to_bytes(_LENGTH_BYTES) + value for value in values)
        return hmac.digest(self._seal(domain), framed, "sha256").hex()

    def _derived(self, purpose: bytes, name: str, length: int) -> bytes:
        return self._master_key.derive(_LABEL, purpose + b":" + name.encode(), length)


def disguised_length(characters: int) -> int:
    """Of a disguised ASCII text."""
    return -(-8 * (characters + _SIV_TAG_BYTES) // 6)


_CIPHERS: WeakKeyDictionary[Dialect, ColumnCipher] = WeakKeyDictionary()


def use_cipher(engine: Engine, cipher: ColumnCipher) -> None:
    """From now on the engine, and those made of it, read and write encrypted columns."""
    _CIPHERS[engine.dialect] = cipher


def cipher_of(dialect: Dialect, column: str) -> ColumnCipher:
    """What `use_cipher` gave. Raises NoCipherError, in which `column` says what was wanted."""
    try:
        return _CIPHERS[dialect]
    except KeyError:
        raise NoCipherError(column) from None


class _Encrypted(TypeDecorator[ValueT], Generic[ValueT]):
    impl = LargeBinary

    def __init__(self, column: str) -> None:
        """`column`: its name as `table.column`; under another name nothing of it can be read."""
        super().__init__()
        self.column = column

    def process_bind_param(self, value: ValueT | None, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        return cipher_of(dialect, self.column).encrypt(self.column, self._octets(value))

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> ValueT | None:
        if value is None:
            return None
        return self._value(cipher_of(dialect, self.column).decrypt(self.column, bytes(value)))

    @abstractmethod
    def _octets(self, value: ValueT) -> bytes:
        """What is encrypted."""

    @abstractmethod
    def _value(self, octets: bytes) -> ValueT:
        """Undoes `_octets`."""


class EncryptedText(_Encrypted[str]):
    """A text, encrypted with a nonce."""

    cache_ok = True

    def _octets(self, value: str) -> bytes:
        return value.encode()

    def _value(self, octets: bytes) -> str:
        return octets.decode()


class EncryptedDate(_Encrypted[date]):
    """A date, encrypted with a nonce."""

    cache_ok = True

    def _octets(self, value: date) -> bytes:
        return value.isoformat().encode()

    def _value(self, octets: bytes) -> date:
        return date.fromisoformat(octets.decode())


class EncryptedBytes(_Encrypted[bytes]):
    """Octets, encrypted with a nonce."""

    cache_ok = True

    def _octets(self, value: bytes) -> bytes:
        return value

    def _value(self, octets: bytes) -> bytes:
        return octets


class EncryptedJson(_Encrypted[dict[str, object]]):
    """A mapping of plain values, encrypted with a nonce as JSON."""

    cache_ok = True

    def _octets(self, value: dict[str, object]) -> bytes:
        return json.dumps(value, ensure_ascii=False).encode()

    def _value(self, octets: bytes) -> dict[str, object]:
        found: dict[str, object] = json.loads(octets)
        return found


class DisguisedText(TypeDecorator[str]):
    """A text that is the same wherever it stands in its domain: for keys, and for being looked up."""

    impl = String
    cache_ok = True

    def __init__(self, domain: str, characters: int) -> None:
        """Columns of one domain can be joined; `characters` is the most that a text has, all ASCII."""
        super().__init__(disguised_length(characters))
        self.domain = domain
        self.characters = characters

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: D102
        return None if value is None else cipher_of(dialect, self.domain).disguise(self.domain, value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: D102
        return None if value is None else cipher_of(dialect, self.domain).reveal(self.domain, value)


class IndexedText(TypeDecorator[str]):
    """A text that can be looked up and never be read: only its keyed digest is kept.

    What is read back is the digest.
    """

    impl = String
    cache_ok = True

    def __init__(self, domain: str) -> None:
        super().__init__(2 * _INDEX_BYTES)
        self.domain = domain

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: D102
        return None if value is None else cipher_of(dialect, self.domain).index(self.domain, value)
