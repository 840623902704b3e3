"""A whole personalisation of a blank without a registry, and the cryptography in it by itself."""

import os
import secrets
import time
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from cardio.channel import ApduPolicy
from cardio.globalplatform.handshake import open_secure_channel
from cardio.globalplatform.keys import FACTORY_VERSION, KeySet
from cardio.piv.objects import ObjectId
from cardio.piv.session import PivSession
from cardio.transport.base import CardConnection
from issuance.production import personalisation
from issuance.production.personalisation import CHANNEL_LEVEL, KEY_PLANS
from simulators.card.blank import blank_state
from simulators.card.globalplatform.keyset import KeySet as CardKeySet
from simulators.card.state import MAX_SERIAL, CardState
from simulators.load.leastdialog import Exchange, dialog

_CONTENTS = {
    ObjectId.CHUID: 59,
    ObjectId.CARD_CAPABILITY_CONTAINER: 51,
    ObjectId.PRINTED_INFORMATION: 60,
    ObjectId.AUTHENTICATION_CERTIFICATE: 830,
    ObjectId.SIGNATURE_CERTIFICATE: 1005,
}
"""Bytes in each object of a citizen's card."""
_PIN, _PUK, _TRANSPORT_PIN, _NEW_PUK = "73105284", "90417263", "58205914", "61429073"
_CURVES: tuple[tuple[ec.EllipticCurve, hashes.HashAlgorithm], ...] = (
    (ec.SECP256R1(), hashes.SHA256()),
    (ec.SECP384R1(), hashes.SHA384()),
)
_SIDES = 2
_BLOCK = 16
_SESSIONS = 2
_DERIVATIONS = 2 * 3 + 2 + 1
"""CMACs for a session on one side: three keys of two blocks, two cryptograms, a challenge."""


@dataclass(frozen=True)
class Blank:
    """A blank's state, and the secrets that open it: management key; ENC, MAC and DEK."""

    state: CardState
    management_key: bytes = field(repr=False)
    channel_keys: tuple[bytes, bytes, bytes] = field(repr=False)


def new_blank() -> Blank:
    """A blank of its own serial and keys."""
    keys = os.urandom(32), os.urandom(32), os.urandom(32)
    serial, management_key = 1 + secrets.randbelow(MAX_SERIAL), os.urandom(32)
    state = blank_state(serial, _PIN, _PUK, management_key, CardKeySet(*keys))
    return Blank(state, management_key, keys)


def personalise_blank(connection: CardConnection, blank: Blank, policy: ApduPolicy) -> None:
    """As production does it: keys, requests, objects, read-back, proof, secrets, channel keys, SECURED."""
    session = PivSession(connection, policy)
    session.card_serial()
    open_secure_channel(session.channel, KeySet(FACTORY_VERSION, *blank.channel_keys), CHANNEL_LEVEL)
    session.authenticate_management(blank.management_key)
    made = [session.generate_key(plan.slot, plan.algorithm) for plan in KEY_PLANS]
    for _ in ("requests", "proofs"):
        for plan, key in zip(KEY_PLANS, made, strict=True):
            session.verify_pin(_PIN)
            message = os.urandom(32)
            algorithm = personalisation.hash_for(key)
            signature = session.sign(plan.slot, key, message, algorithm)
            personalisation.check_signature(key, signature, message, algorithm)
    contents = {object_id: os.urandom(length) for object_id, length in _CONTENTS.items()}
    for object_id, content in contents.items():
        session.put_object(object_id, content)
    for object_id, content in contents.items():
        if session.get_object(object_id) != content:
            raise RuntimeError("the simulated card gives back something else")
    session.set_management_key(os.urandom(32))
    session.change_puk(_PUK, _NEW_PUK)
    session.change_pin(_PIN, _TRANSPORT_PIN)
    domain = personalisation.open_domain(connection, KeySet(FACTORY_VERSION, *blank.channel_keys))
    personalisation.rotate_channel_keys(domain, KeySet(1, os.urandom(32), os.urandom(32), os.urandom(32)))
    personalisation.secure(domain)


def cryptography_alone(cards: int) -> float:
    """Seconds a card: the same operations by the same library on both sides, and nothing between them."""
    exchanges = [exchange for exchange in dialog(list(_CONTENTS.values())) if exchange.protected]
    key = os.urandom(32)
    began = time.perf_counter()
    for _ in range(cards):
        _asymmetric()
        for _ in range(_SESSIONS * _SIDES * _DERIVATIONS):
            _cmac(key, _BLOCK * 3)
        for exchange in exchanges:
            for _ in range(_SIDES):
                _protect(key, exchange)
    return (time.perf_counter() - began) / cards


def _asymmetric() -> None:
    """Two keys made, four signatures, each checked by the driver and by the issuer."""
    message = os.urandom(32)
    for curve, digest in _CURVES:
        key = ec.generate_private_key(curve)
        scheme = ec.ECDSA(digest)
        for _ in ("request", "proof"):
            signature = key.sign(message, scheme)
            for _ in ("driver", "issuer"):
                key.public_key().verify(signature, message, scheme)


def _protect(key: bytes, exchange: Exchange) -> None:
    """A chaining vector, the data encrypted, both MACs."""
    length = (exchange.sent // _BLOCK + 1) * _BLOCK if exchange.sent else 0
    if length:
        # One block, as SCP03 has it.
        vector = _encrypted(Cipher(algorithms.AES(key), modes.ECB()).encryptor(), bytes(_BLOCK))  # noqa: S305
        _encrypted(Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor(), bytes(length))
    _cmac(key, _BLOCK + 5 + length)
    _cmac(key, _BLOCK + exchange.received + 2)


def _encrypted(encryptor: CipherContext, data: bytes) -> bytes:
    return encryptor.update(data) + encryptor.finalize()


def _cmac(key: bytes, length: int) -> None:
    mac = CMAC(algorithms.AES(key))
    mac.update(bytes(length))
    mac.finalize()
