"""The first transaction of an issue: serials are reserved and the bytes to be signed are recorded."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.orm import Session

from pki.auditchain.commitments import SALT_BYTES
from pki.authority.intentrows import CERTIFIED, NAMES, TIMES, Outcome, OwnIntent, RecordedIntent, read_intents
from pki.authority.issuers import Issuers, IssuingCa
from pki.authority.orders import Order
from pki.authority.seal import IntentSeal
from pki.errors import (
    IssuanceError,
    IssuerExpiredError,
    IssuerRevokedError,
    KeyReusedError,
    RequestConflictError,
)
from pki.hierarchy import crl_scope, shard_of
from pki.lint.serial import SERIAL_BITS
from pki.profiles.extensions import PublicAddresses
from pki.profiles.profile import Profile
from pki.profiles.tbs import Validity, encode_tbs, validity_from
from pki.status.state import Status
from pki.store.bulk import among, dialect_of, insert_rows, table_of
from pki.store.columns import seconds_of, serial_octets
from pki.store.models import CertificateRow, Intent

Entropy: TypeAlias = Callable[[int], int]
"""`secrets.randbits`, or a test's own."""

_Uses: TypeAlias = dict[bytes, set[tuple[Profile | None, bytes]]]
"""For each key the purposes that it serves, and for whom."""

_FIXED_BITS = 2
_TOP_BIT = 1 << (SERIAL_BITS - _FIXED_BITS)
_SAME_PURPOSE: Mapping[Profile, Profile] = {
    Profile.CROSS_CA: Profile.ROOT_CA,
    Profile.CSCA_LINK: Profile.CSCA,
}
"""A CA's key may be certified by itself and by another generation."""


_INTENTS = table_of(Intent)
_CERTIFICATES = table_of(CertificateRow)


def new_serial(entropy: Entropy = secrets.randbits) -> int:
    """A serial of exactly 16 octets, positive, 126 bits of it random."""
    return _TOP_BIT | entropy(SERIAL_BITS - _FIXED_BITS)


@dataclass(frozen=True)
class IntentWriter:
    """Records intents for orders; what it needs beside the caller's transaction."""

    issuers: Issuers
    addresses: PublicAddresses
    seal: IntentSeal
    entropy: Entropy = secrets.randbits

    def record(
        self, session: Session, orders: Sequence[Order], now: datetime
    ) -> list[RecordedIntent | IssuanceError]:
        """For each order the intent recorded before, a new one, or why there is none, in their order.

        The error (RequestConflictError, KeyReusedError, IssuerRevokedError, IssuerExpiredError) concerns
        its order alone.
        """
        known = read_intents(session, [order.request_id for order in orders])
        uses = _uses_of_keys(session, orders)
        stopped = _stopped(session, [self.issuers[name] for name in {order.issuer for order in orders}])
        fresh: list[RecordedIntent] = []
        results: list[RecordedIntent | IssuanceError] = []
        for order in orders:
            try:
                intent = self._known(order, known) or self._new(order, uses, stopped, now)
            except IssuanceError as error:
                results.append(error)
                continue
            if intent.request_id not in known:
                known[intent.request_id] = intent
                fresh.append(intent)
            results.append(intent)
        insert_rows(session, Intent, NAMES, [_values(intent) for intent in fresh])
        return results

    @staticmethod
    def _known(order: Order, known: Mapping[str, RecordedIntent]) -> RecordedIntent | None:
        intent = known.get(order.request_id)
        if intent is not None and intent.fingerprint != order.fingerprint:
            raise RequestConflictError(order.request_id, "came before with other content")
        return intent

    def _new(self, order: Order, uses: _Uses, stopped: set[str], now: datetime) -> RecordedIntent:
        if order.issuer in stopped:
            raise IssuerRevokedError(order.request_id, f"CA {order.issuer} is revoked or on hold")
        _refuse_reused_key(order, uses)
        return self._intent(order, self.issuers[order.issuer], now)

    def _intent(self, order: Order, issuer: IssuingCa, now: datetime) -> RecordedIntent:
        definition, ca = order.definition, issuer.facts
        validity = validity_from(now, definition.life, ca.validity)
        if order.not_after is not None:
            validity = Validity(validity.not_before, min(validity.not_after, order.not_after))
            if order.not_after <= validity.not_before:
                raise IssuanceError(order.request_id, "the end that it asks for has passed")
        if not ca.validity.not_before <= validity.not_before < validity.not_after:
            raise IssuerExpiredError(order.request_id, f"CA {issuer.name} is not valid now")
        serial = new_serial(self.entropy)
        tbs = encode_tbs(
            definition,
            serial,
            order.subject,
            order.spki,
            validity,
            ca,
            self.addresses,
            crl_scope=crl_scope(issuer.name, issuer.shards, serial),
        )
        intent = OwnIntent(
            request_id=order.request_id,
            fingerprint=order.fingerprint,
            serial=serial,
            issuer=issuer.name,
            shard=shard_of(serial, issuer.shards),
            profile=definition.profile.value,
            key_hash=order.key_hash,
            key_kind=order.key_kind.value,
            provenance=order.provenance,
            holder_hash=order.holder_hash,
            salt=secrets.token_bytes(SALT_BYTES),
            tbs=tbs,
            not_before=validity.not_before,
            not_after=validity.not_after,
            on_hold=order.definition.held_until_delivery,
            actor=order.actor,
            created=now,
            outcome=Outcome.PENDING.value,
            refused_by=None,
        )
        # Frozen for everybody else; `replace` would cost more than the seal itself.
        object.__setattr__(intent, "seal", self.seal.seal(intent))
        return intent


def _stopped(session: Session, authorities: Sequence[IssuingCa]) -> set[str]:
    """The names of those CAs whose own certificate is not good."""
    serials = {authority.serial: authority.name for authority in authorities if authority.serial is not None}
    return {serials[serial] for serial in session.scalars(_STOPPED_QUERY, {"serials": list(serials)})}


_STOPPED_QUERY = select(_CERTIFICATES.c.serial).where(
    _CERTIFICATES.c.serial.in_(bindparam("serials", expanding=True)),
    _CERTIFICATES.c.status != Status.GOOD.value,
)


def _uses_of_keys(session: Session, orders: Sequence[Order]) -> _Uses:
    """For each key that was ever asked for: its purposes and holders. What was refused gave it none."""
    uses: _Uses = {}
    keys = [order.key_hash for order in orders]
    for key_hash, profile, holder in session.execute(_uses_query(dialect_of(session)), {"keys": keys}):
        uses.setdefault(key_hash, set()).add((_recorded_purpose(profile), holder))
    return uses


@cache
def _uses_query(dialect: str) -> Select[Any]:
    columns = (_INTENTS.c.key_hash, _INTENTS.c.profile, _INTENTS.c.holder_hash)
    taken = or_(_INTENTS.c.outcome != Outcome.REFUSED.value, CERTIFIED)
    return select(*columns).where(among(dialect, _INTENTS.c.key_hash, "keys"), taken)


def _refuse_reused_key(order: Order, uses: _Uses) -> None:
    """One key, one holder, one purpose; a renewal for the same ones is lawful."""
    use: tuple[Profile | None, bytes] = (_purpose(order.definition.profile), order.holder_hash)
    if uses.get(order.key_hash, {use}) != {use}:
        raise KeyReusedError(order.request_id, "this key already serves another purpose or person")
    uses[order.key_hash] = {use}


def _recorded_purpose(profile: str) -> Profile | None:
    """None, which is no order's: a row names a profile that isn't one."""
    try:
        return _purpose(Profile(profile))
    except ValueError:
        return None


def _purpose(profile: Profile) -> Profile:
    return _SAME_PURPOSE.get(profile, profile)


def _values(intent: RecordedIntent) -> tuple[object, ...]:
    """The row as the driver takes it: serial and times as the column types would write them."""
    row = vars(intent).copy()
    row["serial"] = serial_octets(intent.serial)
    for name in TIMES:
        row[name] = seconds_of(row[name])
    return tuple(row.values())
