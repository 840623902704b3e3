"""The chain itself, free of databases: canonical bytes, their hash, and the check of a whole log."""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from pki.auditchain.canonical import Json, canonical_text, canonical_time, quoted
from pki.auditchain.errors import AuditChainError

GENESIS_HASH = "0" * 64
"""What the first entry calls its predecessor's hash."""
FIRST_SEQUENCE = 1


NAME_LIMIT = 128
"""Characters of an actor, an action or a subject."""
_NOTHING: Mapping[str, Json] = {}


class Event(NamedTuple):
    """What is to be written: who did what to what. No personal data (see `commitments`)."""

    time: datetime
    actor: str
    action: str
    subject: str
    details: Mapping[str, Json] = _NOTHING


class AuditEntry(Protocol):
    """An event in the chain. Sequences run 1, 2, 3…, hashes are 64 lower-case hexadecimal digits."""

    @property
    def sequence(self) -> int: ...  # noqa: D102
    @property
    def time(self) -> datetime: ...  # noqa: D102
    @property
    def actor(self) -> str: ...  # noqa: D102
    @property
    def action(self) -> str: ...  # noqa: D102
    @property
    def subject(self) -> str: ...  # noqa: D102
    @property
    def details(self) -> Mapping[str, Json]: ...  # noqa: D102
    @property
    def previous_hash(self) -> str: ...  # noqa: D102
    @property
    def hash(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Head:
    """The end of a chain. Keep one elsewhere: it is how a log cut off at its end is noticed later."""

    sequence: int
    hash: str


CUT_OFF = "is missing: the log was cut off at its end"
EMPTY = Head(0, GENESIS_HASH)
"""The end of a chain with no entries."""


class Linked(NamedTuple):
    """An event with its place in the chain, as it is stored: texts and hashes, ready to be compared."""

    sequence: int
    event: Event
    details: str
    """The canonical text of the event's details."""
    previous_hash: str
    hash: str


def link(head: Head, events: Iterable[Event]) -> Iterator[Linked]:
    """Gives events the places after `head`.

    Raises TypeError for details that have no canonical text, ValueError for naive times and long names.
    """
    sequence, previous = head.sequence, head.hash
    for event in events:
        sequence += 1
        details = canonical_text(event.details)
        digest = _hash(entry_text(sequence, event, details, previous))
        yield Linked(sequence, event, details, previous, digest)
        previous = digest


def entry_text(sequence: int, event: Event, details: str, previous_hash: str) -> str:
    """The canonical JSON of an entry without its own hash; `details` is a canonical text already."""
    time, actor, action, subject, _ = event
    if len(actor) > NAME_LIMIT or len(action) > NAME_LIMIT or len(subject) > NAME_LIMIT:
        raise ValueError(f"an audit entry's names have at most {NAME_LIMIT} characters")
    return (
        f'{{"action":{quoted(action)},"actor":{quoted(actor)},"details":{details},'
        f'"previous_hash":"{previous_hash}","sequence":{sequence},"subject":{quoted(subject)},'
        f'"time":"{canonical_time(time)}"}}'
    )


def entry_hash(entry: AuditEntry) -> str:
    """SHA-256 over the canonical JSON of every field but the hash, the predecessor's hash among them."""
    event = Event(entry.time, entry.actor, entry.action, entry.subject)
    details = canonical_text(entry.details)
    return _hash(entry_text(entry.sequence, event, details, entry.previous_hash))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def verify(entries: Iterable[AuditEntry], expected: Head | None = None) -> Head:
    """Checks a whole chain, oldest entry first, and returns its end.

    `expected` is an end noted earlier: the chain must reach it and hold the same hash there.
    Raises AuditChainError naming the first entry that was changed, removed, added or moved.
    """
    head = EMPTY
    for entry in entries:
        head = follow(head, entry)
        require_noted(head, expected)
    require_reached(head, expected)
    return head


def require_noted(head: Head, noted: Head | None) -> None:
    """Raises AuditChainError if the chain, now at `head`, passes an end noted earlier with another hash."""
    if noted is not None and head.sequence == noted.sequence and head.hash != noted.hash:
        raise AuditChainError(head.sequence, "the chain was rewritten: its hash is not the one noted earlier")


def require_reached(head: Head, noted: Head | None) -> None:
    """Raises AuditChainError if the chain ends before an end noted earlier."""
    if noted is not None and head.sequence < noted.sequence:
        raise AuditChainError(head.sequence + 1, CUT_OFF)


def follow(head: Head, entry: AuditEntry) -> Head:
    """The chain's end after `entry`, which must continue it. Raises AuditChainError naming its place."""
    due = head.sequence + 1
    if entry.sequence != due:
        raise AuditChainError(due, f"is missing or out of order: entry {entry.sequence} stands in its place")
    if not hmac.compare_digest(entry.previous_hash.encode(), head.hash.encode()):
        raise AuditChainError(due, "does not continue from the entry before it")
    if not hmac.compare_digest(_computed(entry).encode(), entry.hash.encode()):
        raise AuditChainError(due, "was changed: its content does not match its hash")
    return Head(entry.sequence, entry.hash)


def _computed(entry: AuditEntry) -> str:
    try:
        return entry_hash(entry)
    except (TypeError, ValueError, RecursionError) as error:
        raise AuditChainError(entry.sequence, "was changed: it has no canonical text") from error
