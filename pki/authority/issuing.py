"""Issuing: serial and intent recorded, then linted and signed once, then recorded; one or many."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import Engine, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pki.auditchain import Event
from pki.authority.intents import (
    Entropy,
    IntentWriter,
    Outcome,
    RecordedIntent,
    pending_intents,
    read_intents,
)
from pki.authority.issuers import Issuers
from pki.authority.orders import Order
from pki.authority.record import (
    queue_writers,
    record_events,
    refuse_clock_set_back,
    serial_text,
)
from pki.authority.signing import sign_certificate
from pki.authority.transitions import next_status_version
from pki.authority.values import IssuedCertificate
from pki.clock import Clock, utc_now
from pki.errors import IssuanceError, LintError, PkiError, RequestRefusedError, SerialsExhaustedError
from pki.lint import Expectation
from pki.profiles.definitions import DEFINITIONS
from pki.profiles.extensions import PublicAddresses
from pki.profiles.profile import Profile
from pki.status.state import Hold, RevocationReason, Status
from pki.store.database import read_only
from pki.store.models import CertificateBody, CertificateRow, Intent

MAX_BATCH = 1000
"""Orders in one transaction."""
_TRIES = 3
"""A serial that is taken (2^-126), or a request that two processes record at once, is tried again."""

Result: TypeAlias = IssuedCertificate | PkiError
"""A certificate, or why there is none."""
_Signed: TypeAlias = bytes | PkiError
"""A certificate's DER, or why it was not signed."""


class Issuing:
    """The three steps of an issue, which survive a crash between any two.

    1. One transaction reserves serials and records the exact bytes to be signed.
    2. The bytes are linted inside the signing adapter and signed once; each signature is checked.
    3. One transaction records certificates and audit entries. Only then are they handed out.
    After a crash, `repair` (or the same request again) goes on from the recorded bytes. If two processes do
    so at once, the first record stands and the other's signature is thrown away unseen.
    """

    def __init__(
        self,
        engine: Engine,
        issuers: Issuers,
        addresses: PublicAddresses,
        clock: Clock = utc_now,
        entropy: Entropy = secrets.randbits,
    ) -> None:
        self._engine = engine
        self._issuers = issuers
        self._addresses = addresses
        self._clock = clock
        self._writer = IntentWriter(issuers, addresses, entropy)

    def execute(self, order: Order) -> IssuedCertificate:
        """One order. Raises IssuanceError, LintError, or the key's error."""
        (result,) = self.execute_many([order])
        if isinstance(result, PkiError):
            raise result
        return result

    def execute_many(self, orders: Sequence[Order]) -> list[Result]:
        """Results in the order of the orders; one that is refused stops no other.

        When the key fails, what was signed is recorded and the rest waits: the same orders again go on.
        """
        results: list[Result] = []
        for start in range(0, len(orders), MAX_BATCH):
            intents = self._reserve(orders[start : start + MAX_BATCH])
            results += self._complete(intents)
        return results

    def repair(self) -> int:
        """Goes on with every intent that a crash left pending; returns how many. Run it at each start.

        An intent that lint refuses stays recorded as refused; the others are still completed.
        Intents of a CA whose key is off line wait for the next ceremony.
        """
        with Session(self._engine) as session, session.begin():
            pending = pending_intents(session, [ca.name for ca in self._issuers if ca.key is not None])
        for start in range(0, len(pending), MAX_BATCH):
            self._complete(pending[start : start + MAX_BATCH])
        return len(pending)

    def certificate(self, request_id: str) -> IssuedCertificate | None:
        """The certificate of an earlier request, or None."""
        with Session(read_only(self._engine)) as session, session.begin():
            return recorded(session, [request_id]).get(request_id)

    def _reserve(self, orders: Sequence[Order]) -> list[RecordedIntent | IssuanceError]:
        for _ in range(_TRIES):
            try:
                with Session(self._engine) as session, session.begin():
                    queue_writers(session)
                    now = self._clock()
                    refuse_clock_set_back(session, now)
                    return self._writer.record(session, orders, now)
            except IntegrityError:
                continue
        raise SerialsExhaustedError(orders[0].request_id)

    def _complete(self, intents: Sequence[RecordedIntent | IssuanceError]) -> list[Result]:
        pending = [
            intent
            for intent in intents
            if isinstance(intent, RecordedIntent) and intent.outcome == Outcome.PENDING.value
        ]
        signed = self._sign_all(pending)
        done = [intent.request_id for intent in intents if isinstance(intent, RecordedIntent)]
        with Session(self._engine) as session, session.begin():
            if signed:
                self._record(session, pending, signed)
            certificates = recorded(session, done)
            outcomes = read_intents(session, [name for name in done if name not in certificates])
        return [_result(intent, certificates, outcomes, signed) for intent in intents]

    def _sign_all(self, pending: Sequence[RecordedIntent]) -> dict[str, _Signed]:
        """By request. A key that fails is not asked again: what follows gets the same error."""
        signed: dict[str, _Signed] = {}
        broken: PkiError | None = None
        for intent in pending:
            if broken is not None:
                signed[intent.request_id] = broken
                continue
            try:
                signed[intent.request_id] = self._sign(intent)
            except LintError as error:
                signed[intent.request_id] = error
            except PkiError as error:
                signed[intent.request_id] = broken = error
        return signed

    def _sign(self, intent: RecordedIntent) -> bytes:
        issuer = self._issuers[intent.issuer]
        expected = Expectation(
            DEFINITIONS[Profile(intent.profile)],
            issuer.facts,
            intent.key_hash,
            intent.holder_hash,
            self._addresses,
        )
        if intent.tbs is None:
            raise IssuanceError(intent.request_id, "its recorded bytes are missing")
        return sign_certificate(intent.tbs, issuer.signer, expected)

    def _record(
        self, session: Session, pending: Sequence[RecordedIntent], signed: Mapping[str, _Signed]
    ) -> None:
        """What another process recorded in the meantime stands."""
        queue_writers(session)
        open_ = _still_pending(session, signed)
        issued = [
            (intent, outcome)
            for intent in pending
            if intent.request_id in open_ and isinstance(outcome := signed[intent.request_id], bytes)
        ]
        refused = [
            (intent, outcome)
            for intent in pending
            if intent.request_id in open_ and isinstance(outcome := signed[intent.request_id], LintError)
        ]
        now = self._clock()
        _store(session, issued, _status_versions(session, issued))
        if issued:
            session.connection().execute(
                _CLOSE_ISSUED, [{"request": intent.request_id} for intent, _ in issued]
            )
        if refused:
            closing = [{"request": intent.request_id, "rule": error.rule} for intent, error in refused]
            session.connection().execute(_CLOSE_REFUSED, closing)
        events = [_issued_event(now, intent) for intent, _ in issued]
        events += [_refused_event(now, intent, error) for intent, error in refused]
        record_events(session, events)


def _still_pending(session: Session, request_ids: Iterable[str]) -> set[str]:
    query = select(Intent.request_id).where(
        Intent.request_id.in_(list(request_ids)), Intent.outcome == Outcome.PENDING.value
    )
    return set(session.scalars(query.with_for_update()))


def _status_versions(session: Session, issued: Sequence[tuple[RecordedIntent, bytes]]) -> dict[str, int]:
    """The version at which each CA's certificates on hold enter its status; one step for a batch."""
    held = {intent.issuer for intent, _ in issued if intent.on_hold}
    return {name: next_status_version(session, name) for name in sorted(held)}


def _store(
    session: Session, issued: Sequence[tuple[RecordedIntent, bytes]], versions: Mapping[str, int]
) -> None:
    if not issued:
        return
    session.execute(
        insert(CertificateRow),
        [_row(intent, versions.get(intent.issuer, 0) if intent.on_hold else 0) for intent, _ in issued],
    )
    session.execute(
        insert(CertificateBody), [{"serial": intent.serial, "der": der} for intent, der in issued]
    )


def _row(intent: RecordedIntent, changed: int) -> dict[str, object]:
    held = intent.on_hold
    return {
        "serial": intent.serial,
        "request_id": intent.request_id,
        "issuer": intent.issuer,
        "shard": intent.shard,
        "profile": intent.profile,
        "key_kind": intent.key_kind,
        "provenance": intent.provenance,
        "not_before": intent.not_before,
        "not_after": intent.not_after,
        "status": (Status.ON_HOLD if held else Status.GOOD).value,
        "reason": RevocationReason.CERTIFICATE_HOLD.value if held else None,
        "since": intent.not_before,
        "invalidity_date": None,
        "held_by": Hold.DELIVERY.value if held else None,
        "activated": not held,
        "changed": changed,
    }


_INTENTS = Intent.metadata.tables[Intent.__tablename__]
_OF_REQUEST = _INTENTS.c.request_id == bindparam("request")
# An issued intent's bytes stand in its certificate; a refused one's stay for whoever looks into it.
_CLOSE_ISSUED = update(_INTENTS).where(_OF_REQUEST).values(outcome=Outcome.ISSUED.value, tbs=None)
_CLOSE_REFUSED = (
    update(_INTENTS).where(_OF_REQUEST).values(outcome=Outcome.REFUSED.value, refused_by=bindparam("rule"))
)


def _issued_event(now: datetime, intent: RecordedIntent) -> Event:
    status = Status.ON_HOLD if intent.on_hold else Status.GOOD
    details = {
        "profile": intent.profile,
        "issuer": intent.issuer,
        "status": status.value,
        "request": intent.request_id,
    }
    return Event(now, intent.actor, "certificate.issued", serial_text(intent.serial), details)


def _refused_event(now: datetime, intent: RecordedIntent, error: LintError) -> Event:
    details = {"rule": error.rule, "request": intent.request_id}
    return Event(now, intent.actor, "certificate.refused", serial_text(intent.serial), details)


def recorded(session: Session, request_ids: Sequence[str]) -> dict[str, IssuedCertificate]:
    """The certificates of these requests that are on record, by request."""
    columns = (
        CertificateRow.request_id,
        CertificateRow.serial,
        CertificateBody.der,
        CertificateRow.profile,
        CertificateRow.not_before,
        CertificateRow.not_after,
    )
    query = select(*columns).join(CertificateBody, CertificateBody.serial == CertificateRow.serial)
    return {
        row.request_id: IssuedCertificate(
            row.serial, row.der, Profile(row.profile), row.not_before, row.not_after
        )
        for row in session.execute(query.where(CertificateRow.request_id.in_(request_ids)))
    }


def _result(
    intent: RecordedIntent | IssuanceError,
    certificates: Mapping[str, IssuedCertificate],
    outcomes: Mapping[str, RecordedIntent],
    signed: Mapping[str, _Signed],
) -> Result:
    if isinstance(intent, IssuanceError):
        return intent
    name = intent.request_id
    if name in certificates:
        return certificates[name]
    fault = signed.get(name)
    if isinstance(fault, PkiError):
        return fault
    return RequestRefusedError(name, outcomes[name].refused_by or "")
