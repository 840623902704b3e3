"""Deleting responders' keys when nothing is signed with them any more, on disk and on tokens.

The table `keys` says which there were, and no more: who can write it alone must not have a key destroyed
that is in use. So a key goes only where its own name, in the key store, says that it is a responder's of a CA
of this installation, and of a period that is past.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, or_, select
from sqlalchemy.orm import Session

from pki.auditchain import Event
from pki.authority.issuers import Issuers, IssuingCa
from pki.authority.record import record_events
from pki.ceremony.plan import ANSWERING, CHECKPOINT_KEY, responder_key
from pki.keys.identifiers import spki_of
from pki.keys.store import KeyStore
from pki.status.ocsp.renewal import ACTOR, period_of
from pki.store.database import read_only
from pki.store.models import Issuer, KeyRow

_LATER = re.compile(r"-(?P<period>[1-9][0-9]{0,5})(?:-(?P<number>[1-9][0-9]{0,5}))?", re.ASCII)
"""What stands behind the first key's name; see `RenewingCredential`."""
_KEPT = 1
"""Periods after its own: while its successor can't be made, the last responder answers on."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Place:
    """Which of a CA's responders' keys one is."""

    first: str
    """The name of the first one."""
    period: int
    number: int
    """In that period: one more for each responder that was revoked."""


def retire_keys(engine: Engine, keys: KeyStore, issuers: Issuers, now: datetime) -> list[str]:
    """Deletes what is over, and what was replaced in its period; returns the names.

    Raises KeyStoreError, SQLAlchemyError. What was deleted and not yet recorded is recorded the next time.
    """
    with Session(read_only(engine)) as session, session.begin():
        rows = session.scalars(select(KeyRow).where(KeyRow.name.startswith("ocsp-"))).all()
        found = {row.name: (row.uri, row.created) for row in rows}
    firsts = {responder_key(ca.name): ca for ca in issuers if ca.role in ANSWERING}
    present = set(keys.names())
    places = {
        name: place
        for name in sorted(present | set(found))
        if (place := _place_of(name, found.get(name), firsts)) is not None
    }
    newest = _newest(place for name, place in places.items() if name in present)
    over = [
        name
        for name, place in places.items()
        if name in found
        and (
            place.period + _KEPT < period_of(now)
            or place.number < newest.get((place.first, place.period), place.number)
        )
    ]
    kept = _kept_keys(keys, issuers) if present.intersection(over) else frozenset()
    return [
        name
        for name in over
        if _may_go(engine, keys, name, found[name][0], kept) and _retire(engine, keys, name, now)
    ]


def _place_of(name: str, row: tuple[str, datetime] | None, firsts: Mapping[str, IssuingCa]) -> _Place | None:
    """None for what is no responder's key of one of these CAs.

    The first one's name has no period. It began no earlier than its CA, whatever its row says.
    """
    for first, ca in firsts.items():
        if name == first and row is not None:
            return _Place(first, max(period_of(row[1]), period_of(ca.facts.validity.not_before)), 1)
        later = _LATER.fullmatch(name.removeprefix(first)) if name.startswith(first) else None
        if later is not None:
            return _Place(first, int(later["period"]), int(later["number"] or 1))
    return None


def _newest(places: Iterable[_Place]) -> dict[tuple[str, int], int]:
    """The newest number of each period, by the keys that there are: a row alone replaces none."""
    newest: dict[tuple[str, int], int] = {}
    for place in places:
        key = (place.first, place.period)
        newest[key] = max(place.number, newest.get(key, 0))
    return newest


def _kept_keys(keys: KeyStore, issuers: Issuers) -> frozenset[bytes]:
    """Public keys (SubjectPublicKeyInfo) whose private halves never go here: CAs', the checkpoints'."""
    kept = {ca.spki for ca in issuers}
    if keys.exists(CHECKPOINT_KEY):
        kept.add(spki_of(keys.open(keys.uri_of(CHECKPOINT_KEY)).public_key))
    return frozenset(kept)


def _may_go(engine: Engine, keys: KeyStore, name: str, uri: str, kept: frozenset[bytes]) -> bool:
    """Whether the row means the key of this name, and nobody else uses that. Where not, the log says so."""
    own = keys.uri_of(name)
    users = select(KeyRow.name).outerjoin(Issuer, Issuer.key == KeyRow.name)
    others = or_(Issuer.key == name, (KeyRow.uri == own) & (KeyRow.name != name))
    with Session(read_only(engine)) as session, session.begin():
        used = session.scalars(users.where(others).limit(1)).first() is not None
    if used or uri != own or (keys.exists(name) and spki_of(keys.open(own).public_key) in kept):
        _LOG.warning("the old responder's key %s is left alone: its row names another, or it is used", name)
        return False
    return True


def _retire(engine: Engine, keys: KeyStore, name: str, now: datetime) -> bool:
    """Whether there was anything to do."""
    deleted = keys.delete(keys.uri_of(name))
    with Session(engine) as session, session.begin():
        row = session.get(KeyRow, name)
        over = row is not None and _LATER.search(name) is not None
        if row is not None and over:  # with the first one's row, a CA's responders begin: it stays
            session.delete(row)
        gone = deleted or over
        if gone:
            session.flush()
            record_events(session, [Event(now, ACTOR, "key.destroyed", name, {})])
    return gone
