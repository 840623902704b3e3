"""The cryptography of a personalisation by itself, for both sides: what `personalise_blank` needs of it.

Each operation is done the cheapest way that the library has: a key is loaded once for as long as it lives.
"""

import os
from collections.abc import Iterable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from simulators.load.leastdialog import Exchange

_CURVES: tuple[tuple[ec.EllipticCurve, hashes.HashAlgorithm], ...] = (
    (ec.SECP256R1(), hashes.SHA256()),
    (ec.SECP384R1(), hashes.SHA384()),
)
_SIDES = 2
_BLOCK = 16
_SESSIONS = 2
_KEY_BLOCKS = 2
"""AES-256: two blocks to derive, to encipher and to decipher."""
_DERIVATION = 32
"""Bytes that a derivation's CMAC covers: label, separator, length, counter, both challenges."""
_EXTERNAL_AUTHENTICATE = _BLOCK + 5 + 8
"""Bytes that its C-MAC covers."""
_PUT_KEYS = 3


class _LoadedKeys:
    """S-ENC, S-MAC and S-RMAC of one side of a session."""

    def __init__(self) -> None:
        cipher = Cipher(algorithms.AES(os.urandom(32)), modes.CBC(bytes(_BLOCK)))
        self.encryptor, self.decryptor = cipher.encryptor(), cipher.decryptor()
        self.command_mac, self.answer_mac = _loaded_mac(), _loaded_mac()


def once(exchanges: Iterable[Exchange]) -> None:
    """The operations of one card, its protected messages as these."""
    _asymmetric()
    for _ in range(_SESSIONS):
        terminal, card = _opened(), _opened()
        _mac(_loaded_mac(), _DERIVATION)  # the card's challenge, which the terminal takes as it comes
    for exchange in exchanges:
        _say(terminal, card, exchange)
    _management()
    _put_keys()


def _asymmetric() -> None:
    """Two keys made and handed over; four signatures, each checked by the driver and by the issuer."""
    message = os.urandom(32)
    for curve, digest in _CURVES:
        key = ec.generate_private_key(curve)
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        public_key = ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
        scheme = ec.ECDSA(digest)
        for _ in ("request", "proof"):
            signature = key.sign(message, scheme)
            for _ in ("driver", "issuer"):
                public_key.verify(signature, message, scheme)


def _opened() -> _LoadedKeys:
    """One side of a session: three keys derived from two, both cryptograms, EXTERNAL AUTHENTICATE's C-MAC."""
    enc, mac = _loaded_mac(), _loaded_mac()
    for static in (enc, mac, mac):
        for _ in range(_KEY_BLOCKS):
            _mac(static, _DERIVATION)
    keys = _LoadedKeys()
    for length in (_DERIVATION, _DERIVATION, _EXTERNAL_AUTHENTICATE):
        _mac(keys.command_mac, length)
    return keys


def _say(terminal: _LoadedKeys, card: _LoadedKeys, exchange: Exchange) -> None:
    """A command encrypted and deciphered, its vector encrypted by both; both MACs by both."""
    length = (exchange.sent // _BLOCK + 1) * _BLOCK if exchange.sent else 0
    if length:
        terminal.encryptor.update(bytes(_BLOCK + length))
        card.encryptor.update(bytes(_BLOCK))
        card.decryptor.update(bytes(length))
    for keys in (terminal, card):
        _mac(keys.command_mac, _BLOCK + 5 + length)
        _mac(keys.answer_mac, _BLOCK + exchange.received + 2)


def _management() -> None:
    """9B: a witness and a challenge, each a block that the card encrypts and the terminal deciphers."""
    aes = algorithms.AES(os.urandom(32))
    # One block at a time, as SP 800-73-5 has it.
    cipher = Cipher(aes, modes.ECB())  # noqa: S305
    encryptor, decryptor = cipher.encryptor(), cipher.decryptor()
    for _ in ("witness", "challenge"):
        decryptor.update(encryptor.update(bytes(_BLOCK)))


def _put_keys() -> None:
    """PUT KEY: each new key under Key-DEK, and its check value (a block under the key), by both sides."""
    cipher = Cipher(algorithms.AES(os.urandom(32)), modes.CBC(bytes(_BLOCK)))
    encryptor, decryptor = cipher.encryptor(), cipher.decryptor()
    for _ in range(_PUT_KEYS):
        key = decryptor.update(encryptor.update(os.urandom(_KEY_BLOCKS * _BLOCK)))
        for _ in range(_SIDES):
            # Exactly one block, as the check value is defined.
            Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(bytes(_BLOCK))  # noqa: S305


def _loaded_mac() -> CMAC:
    return CMAC(algorithms.AES(os.urandom(32)))


def _mac(loaded: CMAC, length: int) -> None:
    mac = loaded.copy()
    mac.update(bytes(length))
    mac.finalize()
