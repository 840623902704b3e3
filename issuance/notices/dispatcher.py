"""Sending what is due: claimed in one transaction, sent outside of any, marked in another.

A crash in between sends again when the lease is over: at least once, always with the same key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from issuance.database import Database
from issuance.notices.models import FAILURE_LENGTH, Channel, Notice, NoticeState
from issuance.notices.senders import Message, Sender, SendError
from issuance.notices.templates import Template
from pki.clock import Clock

BATCH = 1000
"""Messages that travel together."""
LEASE = timedelta(minutes=10)
"""Longer than a sender takes for a batch."""
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)
MAX_TRIES = 20
"""Some three days, then it has failed and somebody has to look."""
_UNSYNCHRONISED = {"synchronize_session": False}
_UNKNOWN = "unknown-template"


@dataclass(frozen=True)
class Sent:
    """What came of one batch."""

    tried: int
    sent: int
    postponed: int
    failed: int


def pause_after(tries: int) -> timedelta:
    """How long to wait after so many tries: a minute, doubled with each, six hours at the most."""
    doublings = min(max(tries - 1, 0), 16)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


class Dispatcher:
    """Empties the outbox. Several may work at once: what one has claimed no other takes."""

    def __init__(self, database: Database, sender: Sender, clock: Clock, batch: int = BATCH) -> None:
        self._database = database
        self._sender = sender
        self._clock = clock
        self._batch = batch

    def send_due(self) -> Sent | None:
        """One batch of what is due; None when nothing is."""
        claimed = self._claim()
        if not claimed:
            return None
        messages = {key: message for key, message in claimed.items() if message is not None}
        failures = {key: _UNKNOWN for key in claimed if key not in messages}
        failures |= self._send(list(messages.values()))
        with self._database.writing() as session:
            return self._mark(session, list(claimed), failures)

    def _claim(self) -> dict[str, Message | None]:
        now = self._clock()
        due = (
            select(Notice)
            .where(Notice.state == NoticeState.WAITING.value, Notice.due_at <= now)
            .order_by(Notice.due_at, Notice.key)
            .limit(self._batch)
            .with_for_update(skip_locked=True)
        )
        with self._database.writing() as session:
            found = list(session.scalars(due))
            for notice in found:
                notice.tries += 1
                notice.due_at = now + LEASE
            return {notice.key: _message(notice) for notice in found}

    def _send(self, messages: Sequence[Message]) -> Mapping[str, str]:
        if not messages:
            return {}
        try:
            return self._sender.send(messages)
        except SendError as error:
            return {message.key: error.failure for message in messages}

    def _mark(self, session: Session, keys: Sequence[str], failures: Mapping[str, str]) -> Sent:
        now = self._clock()
        sent = [key for key in keys if key not in failures]
        marked = update(Notice).where(Notice.key.in_(sent), Notice.state == NoticeState.WAITING.value)
        told = {"state": NoticeState.SENT.value, "sent_at": now, "failure": None}
        session.execute(marked.values(told), execution_options=_UNSYNCHRONISED)
        postponed = 0
        for key, failure in failures.items():
            postponed += self._postpone(session, key, failure, now)
        return Sent(len(keys), len(sent), postponed, len(failures) - postponed)

    def _postpone(self, session: Session, key: str, failure: str, now: datetime) -> bool:
        notice = session.get_one(Notice, key, with_for_update=True)
        if notice.state != NoticeState.WAITING:
            return False  # another, whose lease came after ours had ended, was done with it
        notice.failure = failure[:FAILURE_LENGTH]
        if notice.tries >= MAX_TRIES:
            notice.state = NoticeState.FAILED.value
            return False
        notice.due_at = now + pause_after(notice.tries)
        return True


def _message(notice: Notice) -> Message | None:
    """None: another version's template, or nobody's."""
    try:
        return Message(notice.key, notice.application_id, Channel(notice.channel), Template(notice.template))
    except ValueError:
        return None
