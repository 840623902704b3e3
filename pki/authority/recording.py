"""The last transaction of an issue: certificates and refusals enter the record, with their audit entries."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, bindparam, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from pki.auditchain import Event, Json
from pki.authority.holders import HOLDER, ISSUED, holder_commitment
from pki.authority.intentrows import Outcome, RecordedIntent, refuse_nameless
from pki.authority.orders import MAX_REQUEST_ID
from pki.authority.record import queue_writers, record_events, serial_text
from pki.authority.signing import Signed
from pki.authority.transitions import next_status_version
from pki.authority.values import IssuedCertificate
from pki.clock import Clock
from pki.errors import IntentAlteredError, LintError, StoredValueError
from pki.profiles.profile import Profile
from pki.status.state import Hold, RevocationReason, Status
from pki.store.bulk import among, dialect_of, insert_rows, table_of
from pki.store.columns import seconds_of, serial_octets
from pki.store.models import CertificateBody, CertificateRow, Intent

_Issued: TypeAlias = tuple[RecordedIntent, bytes]
_Refusal: TypeAlias = LintError | IntentAlteredError

REFUSED = "certificate.refused"
AUTHORITY = "authority"
"""The actor of what the authority does by itself."""
UNSEALED = "intent"
"""The subject of an entry that tells of an intent which bears no seal of ours."""

_INTENTS = table_of(Intent)


# An issued intent's bytes stand in its certificate; a refused one's stay for whoever looks into it.
@cache  # composing a statement costs more than running it
def _close_issued(dialect: str) -> ReturningUpdate[Any]:
    chosen = among(dialect, _INTENTS.c.request_id, "requests")
    return _closing(chosen, outcome=Outcome.ISSUED.value, tbs=None)


def _closing(chosen: ColumnElement[bool], **values: object) -> ReturningUpdate[Any]:
    """Closes what still is pending, and tells which those were: what another process recorded stands."""
    pending = _INTENTS.c.outcome == Outcome.PENDING.value
    return update(_INTENTS).where(chosen, pending).values(**values).returning(_INTENTS.c.request_id)


_CLOSE_REFUSED = _closing(
    _INTENTS.c.request_id == bindparam("request"),
    outcome=Outcome.REFUSED.value,
    refused_by=bindparam("rule"),
)


def record_outcomes(
    session: Session, pending: Sequence[RecordedIntent], signed: Mapping[str, Signed], clock: Clock
) -> dict[str, IssuedCertificate]:
    """Records what became of pending intents, in the caller's transaction; the new certificates by request.

    What another process recorded in the meantime stands. An intent whose key failed stays pending.
    """
    if not pending:
        return {}
    queue_writers(session)
    outcomes = [(intent, signed[intent.request_id]) for intent in pending]
    issued = _close_signed(session, [(intent, der) for intent, der in outcomes if isinstance(der, bytes)])
    refused = [
        (intent, error)
        for intent, error in outcomes
        if isinstance(error, _Refusal) and _close_refused(session, intent, error)
    ]
    now = clock()
    _store(session, issued)
    events = [_issued_event(now, intent) for intent, _ in issued]
    record_events(session, events + [_refused_event(now, intent, error) for intent, error in refused])
    return {intent.request_id: _certificate(intent, der) for intent, der in issued}


def _close_signed(session: Session, signed: Sequence[_Issued]) -> list[_Issued]:
    """Those of them that nobody closed in the meantime."""
    if not signed:
        return []
    requests = [intent.request_id for intent, _ in signed]
    closed = set(session.scalars(_close_issued(dialect_of(session)), {"requests": requests}))
    return [(intent, der) for intent, der in signed if intent.request_id in closed]


def _close_refused(session: Session, intent: RecordedIntent, error: _Refusal) -> bool:
    """Whether nobody closed it in the meantime."""
    found = session.scalars(_CLOSE_REFUSED, {"request": intent.request_id, "rule": error.rule})
    return found.one_or_none() is not None


def record_nameless(session: Session, now: datetime) -> None:
    """Refuses pending rows that can't be named (`refuse_nameless`), in the caller's transaction."""
    names = refuse_nameless(session)
    if names:
        record_events(session, [_altered_event(now, name, IntentAlteredError.rule) for name in names])


def recorded(session: Session, request_ids: Sequence[str]) -> dict[str, IssuedCertificate]:
    """The certificates of these requests that are on record, by request."""
    if not request_ids:
        return {}
    rows = session.execute(_certificates_query(dialect_of(session)), {"requests": request_ids})
    return {
        row.request_id: IssuedCertificate(
            row.serial, row.der, _profile(row.profile), row.not_before, row.not_after, row.issuer, row.shard
        )
        for row in rows
    }


@cache
def _certificates_query(dialect: str) -> Select[Any]:
    rows, bodies = table_of(CertificateRow), table_of(CertificateBody)
    places = (rows.c.issuer, rows.c.shard)
    columns = (rows.c.request_id, rows.c.serial, bodies.c.der, rows.c.profile, rows.c.not_before)
    query = select(*columns, rows.c.not_after, *places).join(bodies, bodies.c.serial == rows.c.serial)
    return query.where(among(dialect, rows.c.request_id, "requests"))


def _certificate(intent: RecordedIntent, der: bytes) -> IssuedCertificate:
    profile, place = Profile(intent.profile), (intent.issuer, intent.shard)
    return IssuedCertificate(intent.serial, der, profile, intent.not_before, intent.not_after, *place)


def _store(session: Session, issued: Sequence[_Issued]) -> None:
    versions = _status_versions(session, issued)
    insert_rows(
        session, CertificateRow, _CERTIFICATE_COLUMNS, [_row(intent, versions) for intent, _ in issued]
    )
    bodies = [(serial_octets(intent.serial), der) for intent, der in issued]
    insert_rows(session, CertificateBody, ("serial", "der"), bodies)


def _status_versions(session: Session, issued: Sequence[_Issued]) -> dict[str, int]:
    """The version at which each CA's certificates on hold enter its status; one step for a batch."""
    held = {intent.issuer for intent, _ in issued if intent.on_hold}
    return {name: next_status_version(session, name) for name in sorted(held)}


_CERTIFICATE_COLUMNS = (
    *("serial", "request_id", "issuer", "shard", "profile", "key_kind", "provenance"),
    *("not_before", "not_after", "since", "status", "reason", "held_by", "activated", "changed"),
)
_ON_HOLD = (
    Status.ON_HOLD.value,
    RevocationReason.CERTIFICATE_HOLD.value,
    Hold.DELIVERY.value,
    False,
)
_LIVE = (Status.GOOD.value, None, None, True)


def _row(intent: RecordedIntent, versions: Mapping[str, int]) -> tuple[object, ...]:
    """Status, reason, whose hold, whether activated; then the version of the change, 0 for none."""
    state = (*_ON_HOLD, versions[intent.issuer]) if intent.on_hold else (*_LIVE, 0)
    return (
        serial_octets(intent.serial),
        intent.request_id,
        intent.issuer,
        intent.shard,
        intent.profile,
        intent.key_kind,
        intent.provenance,
        seconds_of(intent.not_before),
        seconds_of(intent.not_after),
        seconds_of(intent.not_before),
        *state,
    )


def _issued_event(now: datetime, intent: RecordedIntent) -> Event:
    details = {
        "profile": intent.profile,
        "issuer": intent.issuer,
        "status": (Status.ON_HOLD if intent.on_hold else Status.GOOD).value,
        "request": intent.request_id,
        HOLDER: holder_commitment(intent.salt, intent.holder_hash),
    }
    return Event(now, intent.actor, ISSUED, serial_text(intent.serial), details)


def _refused_event(now: datetime, intent: RecordedIntent, error: _Refusal) -> Event:
    if isinstance(error, IntentAlteredError):  # nothing else that the row says is to be believed
        return _altered_event(now, intent.request_id, error.rule)
    details: dict[str, Json] = {"rule": error.rule, "request": intent.request_id}
    return Event(now, intent.actor, REFUSED, serial_text(intent.serial), details)


def _altered_event(now: datetime, request_id: str, rule: str) -> Event:
    details: dict[str, Json] = {"rule": rule, "request": request_id[:MAX_REQUEST_ID]}
    return Event(now, AUTHORITY, REFUSED, UNSEALED, details)


def _profile(name: str) -> Profile:
    try:
        return Profile(name)
    except ValueError as error:
        raise StoredValueError("a profile") from error
