"""SCP03's derivations (GPCS 2.3.1 Amendment D v1.2, 4.1.5 and 6.2): pure functions of keys and bytes."""

from dataclasses import dataclass, field
from enum import IntEnum, unique
from functools import cached_property

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from cardio.globalplatform.keys import AES_BLOCK_BYTES, KeySet

CHALLENGE_BYTES = 8  # S8 mode; so are cryptograms and MACs
CRYPTOGRAM_BYTES = 8
MAC_BYTES = 8
SEQUENCE_COUNTER_BYTES = 3
_LABEL_ZEROS = bytes(11)
_SEPARATOR = b"\0"
_LENGTH_BYTES = 2
_BITS = 8


@unique
class SecurityLevel(IntEnum):
    """P1 of EXTERNAL AUTHENTICATE (Amendment D, 7.1.2): what protects every later message."""

    NO_SECURE_MESSAGING = 0x00
    C_MAC = 0x01
    C_DECRYPTION_C_MAC = 0x03
    C_MAC_R_MAC = 0x11
    C_DECRYPTION_C_MAC_R_MAC = 0x13
    C_DECRYPTION_R_ENCRYPTION_C_MAC_R_MAC = 0x33

    @property
    def c_mac(self) -> bool:
        """Whether commands are authenticated."""
        return bool(self & 0x01)

    @property
    def c_decryption(self) -> bool:
        """Whether commands are encrypted."""
        return bool(self & 0x02)

    @property
    def r_mac(self) -> bool:
        """Whether answers are authenticated."""
        return bool(self & 0x10)

    @property
    def r_encryption(self) -> bool:
        """Whether answers are encrypted."""
        return bool(self & 0x20)


FULL_SECURITY = SecurityLevel.C_DECRYPTION_R_ENCRYPTION_C_MAC_R_MAC


@unique
class DerivationConstant(IntEnum):
    """The last byte of the label (table 4-1)."""

    CARD_CRYPTOGRAM = 0x00
    HOST_CRYPTOGRAM = 0x01
    S_ENC = 0x04
    S_MAC = 0x06
    S_RMAC = 0x07


class KeyedCmac:
    """AES-CMAC under one key (SP 800-38B), which is expanded once for all messages."""

    def __init__(self, key: bytes) -> None:
        self._keyed = CMAC(AES(key))

    def of(self, message: bytes) -> bytes:
        """16 bytes."""
        mac = self._keyed.copy()
        mac.update(message)
        return mac.finalize()


def derive(mac: KeyedCmac, constant: DerivationConstant, context: bytes, length: int) -> bytes:
    """`length` bytes by SP 800-108 in counter mode with AES-CMAC, its fields ordered as 4.1.5 has them.

    label (12 bytes) ‖ 00 ‖ L in bits (2 bytes) ‖ i (1 byte) ‖ context
    """
    bits = (length * _BITS).to_bytes(_LENGTH_BYTES, "big")
    return counter_mode(mac, _LABEL_ZEROS + bytes((constant,)) + _SEPARATOR + bits, context, length)


def counter_mode(mac: KeyedCmac, before: bytes, after: bytes, length: int) -> bytes:
    """SP 800-108r1, 4.1, with AES-CMAC and a counter of one byte between two parts of the fixed input."""
    blocks = -(-length // AES_BLOCK_BYTES)
    return b"".join(mac.of(before + bytes((counter,)) + after) for counter in range(1, blocks + 1))[:length]


@dataclass(frozen=True)
class SessionKeys:
    """The keys of one session, each as long as the static keys. None shows in a repr."""

    enc: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    rmac: bytes = field(repr=False)

    @cached_property
    def c_mac(self) -> KeyedCmac:
        """S-MAC as it is used, for both cryptograms and for commands."""
        return KeyedCmac(self.mac)

    @staticmethod
    def derive(static: KeySet, host_challenge: bytes, card_challenge: bytes) -> "SessionKeys":
        """The session keys of two challenges of 8 bytes each (6.2.1)."""
        context = host_challenge + card_challenge
        length = len(static.enc)
        by_mac = KeyedCmac(static.mac)
        return SessionKeys(
            enc=derive(KeyedCmac(static.enc), DerivationConstant.S_ENC, context, length),
            mac=derive(by_mac, DerivationConstant.S_MAC, context, length),
            rmac=derive(by_mac, DerivationConstant.S_RMAC, context, length),
        )


def card_cryptogram(keys: SessionKeys, host_challenge: bytes, card_challenge: bytes) -> bytes:
    """What proves the card, 8 bytes (6.2.2.2)."""
    context = host_challenge + card_challenge
    return derive(keys.c_mac, DerivationConstant.CARD_CRYPTOGRAM, context, CRYPTOGRAM_BYTES)


def host_cryptogram(keys: SessionKeys, host_challenge: bytes, card_challenge: bytes) -> bytes:
    """What proves the terminal, 8 bytes (6.2.2.3)."""
    context = host_challenge + card_challenge
    return derive(keys.c_mac, DerivationConstant.HOST_CRYPTOGRAM, context, CRYPTOGRAM_BYTES)
