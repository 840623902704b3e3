"""Deleting responders' keys when nothing is signed with them any more, on disk and on tokens."""

import re
from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from pki.auditchain import Event
from pki.authority.record import record_events
from pki.keys.store import KeyStore
from pki.status.ocsp.renewal import ACTOR, period_of
from pki.store.database import read_only
from pki.store.models import KeyRow

_NAME = re.compile(
    r"(?P<first>ocsp-[a-z]+(?:-[a-z]+)*-g[0-9]+)(?:-(?P<period>[0-9]+)(?:-(?P<number>[0-9]+))?)?", re.ASCII
)
_KEPT = 1
"""Periods after its own: while its successor can't be made, the last responder answers on."""


def retire_keys(engine: Engine, keys: KeyStore, now: datetime) -> list[str]:
    """Deletes what is over, and what was replaced in its period; returns the names.

    Raises KeyStoreError, SQLAlchemyError. What was deleted and not yet recorded is recorded the next time.
    """
    with sessionmaker(read_only(engine)).begin() as session:
        rows = session.scalars(select(KeyRow).where(KeyRow.name.startswith("ocsp-"))).all()
        found = [(row.name, row.uri, _place_of(row)) for row in rows if _NAME.fullmatch(row.name)]
    newest = {place[:2]: place[2] for place in sorted(place for _, _, place in found)}
    return [
        name
        for name, uri, place in found
        if (place[1] + _KEPT < period_of(now) or place[2] < newest[place[:2]])
        and _retire(engine, keys, name, uri, now)
    ]


def _place_of(row: KeyRow) -> tuple[str, int, int]:
    """The first key's name, the period, and the number in that period."""
    match = _NAME.fullmatch(row.name)
    if match is None:
        raise ValueError("no responder's key")
    period = int(match["period"]) if match["period"] else period_of(row.created)
    return match["first"], period, int(match["number"] or 1)


def _retire(engine: Engine, keys: KeyStore, name: str, uri: str, now: datetime) -> bool:
    """Whether there was anything to do."""
    deleted = keys.delete(uri)
    with Session(engine) as session, session.begin():
        row = session.get(KeyRow, name)
        first = row is not None and _NAME.sub(r"\g<first>", name) == name
        if row is not None and not first:  # with the first one's row, a CA's responders begin
            session.delete(row)
        gone = deleted or (row is not None and not first)
        if gone:
            session.flush()
            record_events(session, [Event(now, ACTOR, "key.destroyed", name, {})])
    return gone
