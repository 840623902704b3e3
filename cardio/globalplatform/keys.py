"""Static key sets of a security domain: check values, encryption for PUT KEY, one set per card."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

AES_BLOCK_BYTES = 16
AES_KEY_BYTES = (16, 24, 32)
CHECK_VALUE_BYTES = 3
DEFAULT_VERSION = 0x00  # INITIALIZE UPDATE: whichever set the card takes first (GPCS E.5.1.3)
MAX_VERSION = 0x7F  # the highest that PUT KEY may give (GPCS 11.8.2.1)
FACTORY_VERSION = 0xFF  # of the keys that a card is delivered with
_MAX_BYTE = 0xFF
_CHECK_BLOCK = b"\x01" * AES_BLOCK_BYTES  # Amendment D, 4.1.2
_ZERO_ICV = bytes(AES_BLOCK_BYTES)

Derive: TypeAlias = Callable[[bytes, bytes, int], bytes]
"""A master key's KDF of SP 800-108: (label, context, length in bytes) → that many bytes."""


@dataclass(frozen=True)
class KeySet:
    """The three static AES keys of one key version (Amendment D, 6.1). No key shows in a repr.

    :raises ValueError: keys that are no AES keys or not of one length, or a version out of range
    """

    version: int
    """1 to 127; 255 for factory keys; 0 lets the card choose its default set."""

    enc: bytes = field(repr=False)
    """Key-ENC, from which S-ENC is derived: 16, 24 or 32 bytes, as the other two."""

    mac: bytes = field(repr=False)
    """Key-MAC, from which S-MAC and S-RMAC are derived."""

    dek: bytes = field(repr=False)
    """Key-DEK, which encrypts keys in PUT KEY."""

    def __post_init__(self) -> None:
        if len(self.enc) not in AES_KEY_BYTES or not len(self.enc) == len(self.mac) == len(self.dek):
            raise ValueError("a key set is three AES keys of one length")
        if not 0 <= self.version <= _MAX_BYTE:
            raise ValueError("a key version is one byte")

    @property
    def keys(self) -> tuple[bytes, bytes, bytes]:
        """The keys in the order of their identifiers 1, 2, 3."""
        return self.enc, self.mac, self.dek

    @cached_property
    def check_values(self) -> tuple[bytes, bytes, bytes]:
        """The check values of the three keys, 3 bytes each."""
        return check_value(self.enc), check_value(self.mac), check_value(self.dek)

    @staticmethod
    def diversified(derive: Derive, card: bytes, version: int, key_bytes: int) -> "KeySet":
        """The key set of one card: each key from the master key by SP 800-108.

        The label says purpose and version, the context is the card's serial; so the version is all that needs
        storing. Cards, versions and purposes never share a key.
        """
        enc, mac, dek = (
            derive(f"SCP03 {purpose} v{version}".encode(), card, key_bytes)
            for purpose in ("ENC", "MAC", "DEK")
        )
        return KeySet(version, enc, mac, dek)


def check_value(key: bytes) -> bytes:
    """The KCV of an AES key: the first three bytes of a block of 01, encrypted (Amendment D, 4.1.2)."""
    # Exactly one block, as the check value is defined; no mode is involved.
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
    return (encryptor.update(_CHECK_BLOCK) + encryptor.finalize())[:CHECK_VALUE_BYTES]


def encrypt_key(dek: bytes, key: bytes) -> bytes:
    """A key under Key-DEK: AES-CBC, ICV zero (Amendment D, 6.2.8); 24 bytes are padded to 32."""
    padded = key + bytes(-len(key) % AES_BLOCK_BYTES)
    encryptor = Cipher(algorithms.AES(dek), modes.CBC(_ZERO_ICV)).encryptor()
    return encryptor.update(padded) + encryptor.finalize()
