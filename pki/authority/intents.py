"""The first transaction of an issue: a serial is reserved and the bytes to be signed are recorded."""

import secrets
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from pki.authority.issuers import IssuingCa
from pki.authority.orders import Order
from pki.errors import IssuerExpiredError, KeyReusedError, RequestConflictError
from pki.hierarchy import crl_scope
from pki.lint.serial import SERIAL_BITS
from pki.profiles.extensions import PublicAddresses
from pki.profiles.tbs import encode_tbs, validity_from
from pki.store.models import Intent, serial_key

Entropy: TypeAlias = Callable[[int], int]
"""`secrets.randbits`, or a test's own."""

_FIXED_BITS = 2
_TOP_BIT = 1 << (SERIAL_BITS - _FIXED_BITS)


class Outcome(Enum):
    """What became of an intent."""

    PENDING = "pending"
    ISSUED = "issued"
    REFUSED = "refused"


def new_serial(entropy: Entropy = secrets.randbits) -> int:
    """A serial of exactly 16 octets, positive, 126 bits of it random."""
    return _TOP_BIT | entropy(SERIAL_BITS - _FIXED_BITS)


def record_intent(
    session: Session,
    order: Order,
    issuer: IssuingCa,
    addresses: PublicAddresses,
    now: datetime,
    entropy: Entropy,
) -> Intent:
    """The order's intent: the one recorded before, or a new one in the caller's transaction.

    Raises RequestConflictError, KeyReusedError, IssuerExpiredError.
    """
    known = session.get(Intent, order.request_id)
    if known is None:
        _refuse_reused_key(session, order)
        known = _new_intent(order, issuer, addresses, now, entropy)
        session.add(known)
    elif known.fingerprint != order.fingerprint:
        raise RequestConflictError(order.request_id, "came before with other content")
    return known


def _refuse_reused_key(session: Session, order: Order) -> None:
    """One key, one holder, one purpose; a renewal for the same ones is lawful."""
    query = select(Intent.profile, Intent.holder_hash).where(Intent.key_hash == order.key_hash)
    for profile, holder_hash in session.execute(query):
        if profile != order.definition.profile.value or holder_hash != order.holder_hash:
            raise KeyReusedError(order.request_id, "this key already serves another purpose or person")


def _new_intent(
    order: Order, issuer: IssuingCa, addresses: PublicAddresses, now: datetime, entropy: Entropy
) -> Intent:
    validity = validity_from(now, order.definition.life, issuer.facts.validity)
    if not issuer.facts.validity.not_before <= validity.not_before < validity.not_after:
        raise IssuerExpiredError(order.request_id, f"CA {issuer.name} is not valid now")
    serial = new_serial(entropy)
    scope = crl_scope(issuer.name, issuer.facts.shards, serial)
    tbs = encode_tbs(
        order.definition, serial, order.subject, order.spki, validity, issuer.facts, addresses, scope
    )
    return Intent(
        request_id=order.request_id,
        fingerprint=order.fingerprint,
        serial=serial_key(serial),
        issuer=issuer.name,
        profile=order.definition.profile.value,
        key_hash=order.key_hash,
        holder_hash=order.holder_hash,
        tbs=tbs,
        on_hold=order.on_hold,
        actor=order.actor,
        created=now,
        outcome=Outcome.PENDING.value,
        refused_by=None,
    )
