"""The computations of Secure Channel Protocol '03' (GPCS amendment D 1.2), as the card does them."""

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag, unique
from functools import cached_property

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

BLOCK = 16
MAC_LENGTH = 8  # amendment D 4.1.3, S8 mode
CHALLENGE_LENGTH = 8
CRYPTOGRAM_LENGTH = 8
KEY_LENGTHS = (16, 24, 32)
_LABEL_LENGTH = 12
_SEPARATOR = b"\x00"
_PADDING_START = b"\x80"


@unique
class Level(IntFlag):
    """Bits of the security level, P1 of EXTERNAL AUTHENTICATE (amendment D, 7.1.2)."""

    AUTHENTICATED = 0x00
    C_MAC = 0x01
    C_DECRYPTION = 0x02
    R_MAC = 0x10
    R_ENCRYPTION = 0x20


LEVELS = frozenset({0x00, 0x01, 0x03, 0x11, 0x13, 0x33})
"""The combinations that a host may ask for."""


@unique
class _Derivation(IntEnum):
    """Derivation constants (amendment D, table 4-1)."""

    CARD_CRYPTOGRAM = 0x00
    HOST_CRYPTOGRAM = 0x01
    CARD_CHALLENGE = 0x02
    S_ENC = 0x04
    S_MAC = 0x06
    S_RMAC = 0x07


@dataclass(frozen=True)
class SessionKeys:
    """The keys of one session, of the static keys' length."""

    enc: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    rmac: bytes = field(repr=False)

    @cached_property
    def loaded_mac(self) -> "Mac":
        """S-MAC, loaded once for the cryptograms and the commands."""
        return Mac(self.mac)


def derive_session_keys(enc: bytes, mac: bytes, host_challenge: bytes, card_challenge: bytes) -> SessionKeys:
    """From the static keys and both challenges (amendment D 6.2.1)."""
    context = host_challenge + card_challenge
    static = Mac(mac)
    return SessionKeys(
        _derive(Mac(enc), _Derivation.S_ENC, context, len(enc)),
        _derive(static, _Derivation.S_MAC, context, len(mac)),
        _derive(static, _Derivation.S_RMAC, context, len(mac)),
    )


def card_cryptogram(keys: SessionKeys, host_challenge: bytes, card_challenge: bytes) -> bytes:
    """What proves the card (amendment D 6.2.2.2)."""
    return _cryptogram(keys, _Derivation.CARD_CRYPTOGRAM, host_challenge + card_challenge)


def host_cryptogram(keys: SessionKeys, host_challenge: bytes, card_challenge: bytes) -> bytes:
    """What proves the host (amendment D 6.2.2.3)."""
    return _cryptogram(keys, _Derivation.HOST_CRYPTOGRAM, host_challenge + card_challenge)


def _cryptogram(keys: SessionKeys, constant: _Derivation, context: bytes) -> bytes:
    return _derive(keys.loaded_mac, constant, context, CRYPTOGRAM_LENGTH)


def pseudo_random_challenge(enc: bytes, sequence_counter: bytes, aid: bytes) -> bytes:
    """The card challenge of a card that counts its sessions (amendment D 6.2.2.1)."""
    return _derive(Mac(enc), _Derivation.CARD_CHALLENGE, sequence_counter + aid, CHALLENGE_LENGTH)


def _derive(mac: "Mac", constant: _Derivation, context: bytes, length: int) -> bytes:
    """SP 800-108 in counter mode over CMAC, with amendment D's order of fields (4.1.5)."""
    output = b""
    counter = 0
    while len(output) < length:
        counter += 1
        block = constant.to_bytes(_LABEL_LENGTH, "big") + _SEPARATOR
        block += (length * 8).to_bytes(2, "big") + bytes((counter,)) + context
        output += mac.over(block)
    return output[:length]


class Mac:
    """AES-CMAC (SP 800-38B) with a key that stays loaded."""

    def __init__(self, key: bytes) -> None:
        self._loaded = CMAC(algorithms.AES(key))

    def over(self, message: bytes) -> bytes:
        """All 16 bytes of the MAC."""
        mac = self._loaded.copy()
        mac.update(message)
        return mac.finalize()


def cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC of one message, 16 bytes."""
    return Mac(key).over(message)


def encrypt_block(key: bytes, block: bytes) -> bytes:
    """One block of plain AES: initial chaining vectors and key check values are such."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - one block, as specified
    return encryptor.update(block) + encryptor.finalize()


def encrypt(key: bytes, initial_vector: bytes, data: bytes) -> bytes:
    """AES-CBC over padded data."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(initial_vector)).encryptor()
    return encryptor.update(pad(data)) + encryptor.finalize()


def decrypt_cbc(key: bytes, initial_vector: bytes, data: bytes) -> bytes:
    """AES-CBC of whole blocks; padding is left on."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(initial_vector)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def pad(data: bytes) -> bytes:
    """80, then zeros to a whole block (amendment D 4.1.4)."""
    padded = data + _PADDING_START
    return padded + bytes(-len(padded) % BLOCK)


def unpad(data: bytes) -> bytes | None:
    """Without the padding; None where there is none."""
    content, start, zeros = data.rpartition(_PADDING_START)
    if not start or zeros.strip(b"\x00") or len(zeros) >= BLOCK:
        return None
    return content


def key_check_value(key: bytes) -> bytes:
    """The first three bytes of a block of 01 under the key (amendment D 4.1.2)."""
    return encrypt_block(key, b"\x01" * BLOCK)[:3]
