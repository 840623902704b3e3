"""Ceremonies on record: begun, gone on with after an interruption, closed with their transcript."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from pki.auditchain import Event, Head, Json, stored
from pki.auditchain.canonical import canonical_text
from pki.auditchain.table import read_head
from pki.authority.record import queue_writers, record_events, refuse_clock_set_back
from pki.ceremony.errors import CeremonyOpenError, TranscriptError
from pki.ceremony.officers import ACTOR_PREFIX
from pki.store.database import read_only
from pki.store.models import AuditEntry, CeremonyRow

FOLDER = "folder"
"""In a plan: what tells the off-line folder from others (`Custody.check`)."""
OPENED, RESUMED, CLOSED = "ceremony.opened", "ceremony.resumed", "ceremony.closed"


@dataclass(frozen=True)
class OpenCeremony:
    """A ceremony that has begun."""

    number: int
    kind: str
    plan: Mapping[str, Json]
    opened: datetime
    before: Head
    """The audit chain's end before it began."""


@dataclass(frozen=True)
class SignedTranscript:
    """What a ceremony leaves: a text, and a root's signature over its bytes."""

    number: int
    kind: str
    text: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def file_name(self) -> str:
        """How its file is called; the signature's has `.sig` behind it."""
        return f"ceremony-{self.number}-{self.kind}.json"

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal, as the audit chain holds it."""
        return hashlib.sha256(self.text).hexdigest()


def begin(
    engine: Engine,
    kind: str,
    arguments: Mapping[str, Json],
    make_plan: Callable[[], Mapping[str, Json]],
    actor: str,
    now: datetime,
) -> OpenCeremony:
    """Opens a ceremony, or goes on with the one of this kind and arguments that was interrupted.

    Raises CeremonyOpenError while another is open, ClockSetBackError, and what `make_plan` raises.
    """
    asked = canonical_text(arguments)
    plan = canonical_text(make_plan()) if open_kind(engine) is None else None
    with Session(engine) as session, session.begin():
        queue_writers(session)
        refuse_clock_set_back(session, now)
        row = session.scalar(select(CeremonyRow).where(CeremonyRow.closed.is_(None)))
        action = OPENED if row is None else RESUMED
        if row is None and plan is not None:
            row = _open(session, kind, asked, plan, now)
        if row is None or (row.kind, row.arguments) != (kind, asked):
            raise CeremonyOpenError(row.number if row else 0, row.kind if row else kind)
        record_events(session, [Event(now, actor, action, _subject(row.number), {"kind": kind})])
        head = Head(row.head_sequence, row.head_hash)
        return OpenCeremony(row.number, row.kind, json.loads(row.plan), row.opened, head)


def close(engine: Engine, transcript: SignedTranscript, actor: str, now: datetime) -> None:
    """The transcript and its hash in the audit chain, in one commit: now the ceremony is done."""
    with Session(engine) as session, session.begin():
        queue_writers(session)
        row = session.get_one(CeremonyRow, transcript.number, with_for_update=True)
        if row.closed is not None:
            raise TranscriptError(f"ceremony {row.number} was closed by another process")
        row.closed, row.transcript, row.signature = now, transcript.text, transcript.signature
        details: dict[str, Json] = {"kind": row.kind, "transcript_sha256": transcript.digest}
        record_events(session, [Event(now, actor, CLOSED, _subject(row.number), details)])


def transcripts(engine: Engine) -> list[SignedTranscript]:
    """Of all closed ceremonies, the oldest first."""
    query = select(CeremonyRow).where(CeremonyRow.closed.is_not(None)).order_by(CeremonyRow.number)
    with Session(read_only(engine)) as session, session.begin():
        return [
            SignedTranscript(row.number, row.kind, row.transcript or b"", row.signature or b"")
            for row in session.scalars(query)
        ]


def open_kind(engine: Engine) -> tuple[int, str] | None:
    """Number and kind of the ceremony that was interrupted, if one was."""
    query = select(CeremonyRow.number, CeremonyRow.kind).where(CeremonyRow.closed.is_(None))
    with Session(read_only(engine)) as session, session.begin():
        row = session.execute(query).first()
        return None if row is None else (row.number, row.kind)


def open_ceremony(engine: Engine) -> OpenCeremony | None:
    """The ceremony that was interrupted, if one was."""
    query = select(CeremonyRow).where(CeremonyRow.closed.is_(None))
    with Session(read_only(engine)) as session, session.begin():
        row = session.scalar(query)
        if row is None:
            return None
        head = Head(row.head_sequence, row.head_hash)
        return OpenCeremony(row.number, row.kind, json.loads(row.plan), row.opened, head)


def folders(engine: Engine) -> set[str]:
    """The off-line folders that this home's ceremonies worked with."""
    with Session(read_only(engine)) as session, session.begin():
        plans = [json.loads(text) for text in session.scalars(select(CeremonyRow.plan))]
    return {str(plan[FOLDER]) for plan in plans if FOLDER in plan}


def next_number(engine: Engine) -> int:
    """That of the next ceremony, if none is open."""
    with Session(read_only(engine)) as session, session.begin():
        return _next_number(session)


def done_since(engine: Engine, before: Head) -> list[Mapping[str, Json]]:
    """What ceremonies' officers did after this point of the audit chain, as the chain has it."""
    with Session(read_only(engine)) as session, session.begin():
        return [
            {"what": entry.action, "name": entry.subject}
            for entry in stored(session, AuditEntry, before.sequence + 1)
            if entry.actor.startswith(ACTOR_PREFIX)
        ]


def audit_end(engine: Engine) -> Head:
    """The audit chain's end now."""
    with Session(read_only(engine)) as session, session.begin():
        return read_head(session, AuditEntry)


def _open(session: Session, kind: str, arguments: str, plan: str, now: datetime) -> CeremonyRow:
    head = read_head(session, AuditEntry)
    row = CeremonyRow(
        number=_next_number(session),
        kind=kind,
        arguments=arguments,
        plan=plan,
        opened=now,
        head_sequence=head.sequence,
        head_hash=head.hash,
        closed=None,
        transcript=None,
        signature=None,
    )
    session.add(row)
    session.flush()
    return row


def _next_number(session: Session) -> int:
    return (session.scalar(select(func.max(CeremonyRow.number))) or 0) + 1


def _subject(number: int) -> str:
    return f"ceremony-{number}"
