"""Visitors' sessions, in memory: random ids, a new one at login, a bounded number of them."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pki.clock import Clock

LIFETIME = timedelta(minutes=30)
MAXIMUM_SESSIONS = 10_000
_ID_BYTES = 32


def random_id() -> str:
    """256 random bits, as text for a cookie."""
    return secrets.token_urlsafe(_ID_BYTES)


@dataclass
class Session:
    """One visitor's session."""

    session_id: str = field(repr=False)
    last_seen: datetime
    nonce: str | None = field(default=None, repr=False)
    """The challenge that this session, and no other, may answer."""
    claims: Mapping[str, str] | None = field(default=None, repr=False)
    receipt: Mapping[str, Any] | None = field(default=None, repr=False)


class Sessions:
    """All sessions of this process."""

    def __init__(self, clock: Clock, new_id: Callable[[], str] = random_id) -> None:
        self._clock = clock
        self._new_id = new_id
        self._by_id: OrderedDict[str, Session] = OrderedDict()

    def find(self, session_id: str | None) -> Session | None:
        """The session of this id, if it is still alive; seeing it keeps it alive."""
        session = self._by_id.get(session_id or "")
        if session is None:
            return None
        if self._clock() - session.last_seen > LIFETIME:
            self.end(session)
            return None
        session.last_seen = self._clock()
        self._by_id.move_to_end(session.session_id)
        return session

    def start(self) -> Session:
        """A new session, with nobody in it; the one not seen for longest makes room."""
        while len(self._by_id) >= MAXIMUM_SESSIONS:
            self._by_id.popitem(last=False)
        session = Session(self._new_id(), self._clock())
        self._by_id[session.session_id] = session
        return session

    def log_in(self, session: Session, claims: Mapping[str, str], receipt: Mapping[str, Any]) -> Session:
        """Ends the anonymous session and starts another: an id known before the login is worth nothing."""
        self.end(session)
        fresh = self.start()
        fresh.claims, fresh.receipt = claims, receipt
        return fresh

    def end(self, session: Session) -> None:
        """Forgets the session."""
        self._by_id.pop(session.session_id, None)
