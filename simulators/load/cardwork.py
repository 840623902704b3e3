"""A whole personalisation of a blank without a registry, and the time of the cryptography in it by itself."""

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

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
from simulators.load import cardcryptography
from simulators.load.leastdialog import dialog

_CONTENTS = {
    ObjectId.CHUID: 59,
    ObjectId.CARD_CAPABILITY_CONTAINER: 51,
    ObjectId.PRINTED_INFORMATION: 60,
    ObjectId.AUTHENTICATION_CERTIFICATE: 830,
    ObjectId.SIGNATURE_CERTIFICATE: 1005,
}
"""Bytes in each object of a citizen's card."""
_PIN, _PUK, _TRANSPORT_PIN, _NEW_PUK = "73105284", "90417263", "58205914", "61429073"


@dataclass(frozen=True)
class Blank:
    """A blank's state, the secrets that open it (management key; ENC, MAC and DEK), what is to be written."""

    state: CardState
    management_key: bytes = field(repr=False)
    channel_keys: tuple[bytes, bytes, bytes] = field(repr=False)
    contents: Mapping[ObjectId, bytes] = field(repr=False)


def new_blank() -> Blank:
    """A blank of its own serial and keys."""
    keys = os.urandom(32), os.urandom(32), os.urandom(32)
    serial, management_key = 1 + secrets.randbelow(MAX_SERIAL), os.urandom(32)
    state = blank_state(serial, _PIN, _PUK, management_key, CardKeySet(*keys))
    contents = {object_id: os.urandom(length) for object_id, length in _CONTENTS.items()}
    return Blank(state, management_key, keys, contents)


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
    for object_id, content in blank.contents.items():
        session.put_object(object_id, content)
    for object_id, content in blank.contents.items():
        if session.get_object(object_id) != content:
            raise RuntimeError("the simulated card gives back something else")
    session.set_management_key(os.urandom(32))
    session.change_puk(_PUK, _NEW_PUK)
    session.change_pin(_PIN, _TRANSPORT_PIN)
    domain = personalisation.open_domain(connection, KeySet(FACTORY_VERSION, *blank.channel_keys))
    personalisation.rotate_channel_keys(domain, KeySet(1, os.urandom(32), os.urandom(32), os.urandom(32)))
    personalisation.secure(domain)


def cryptography_alone(cards: int) -> float:
    """Seconds a card: the cryptographic operations of `personalise_blank`, and nothing between them."""
    protected = [exchange for exchange in dialog(list(_CONTENTS.values())) if exchange.protected]
    began = time.perf_counter()
    for _ in range(cards):
        cardcryptography.once(protected)
    return (time.perf_counter() - began) / cards
