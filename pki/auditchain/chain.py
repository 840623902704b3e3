"""The chain itself, free of databases: canonical bytes, their hash, and the check of a whole log."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeAlias, Union

Json: TypeAlias = Union[bool, int, str, Sequence["Json"], Mapping[str, "Json"], None]  # noqa: UP007
"""What `details` may hold. No floats: their text is not the same everywhere, and a hash needs one text."""

GENESIS_HASH = "0" * 64
"""What the first entry calls its predecessor's hash."""
FIRST_SEQUENCE = 1


class AuditEntry(Protocol):
    """One event. Sequences run 1, 2, 3…; hashes are 64 lower-case hexadecimal digits of SHA-256."""

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


EMPTY = Head(0, GENESIS_HASH)
"""The end of a chain with no entries."""


class AuditChainError(Exception):
    """The log is not what was written. `sequence` names the first entry at which that shows."""

    def __init__(self, sequence: int, why: str) -> None:
        super().__init__(f"audit entry {sequence}: {why}")
        self.sequence = sequence
        self.why = why


def canonical_json(value: Json) -> bytes:
    """The one UTF-8 text of `value`: keys sorted, no spaces. Raises TypeError for floats and bytes."""
    _refuse_uncanonical(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _refuse_uncanonical(value: object) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError("audit details need text keys")
            _refuse_uncanonical(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_uncanonical(item)
    elif not (value is None or isinstance(value, (bool, int, str))):
        raise TypeError(f"audit details can't hold a {type(value).__name__}")


def entry_hash(
    *,
    sequence: int,
    time: datetime,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, Json],
    previous_hash: str,
) -> str:
    """SHA-256 over the canonical JSON of every field, the predecessor's hash among them."""
    if time.tzinfo is None:
        raise ValueError("an audit entry needs an aware time")
    fields: dict[str, Json] = {
        "sequence": sequence,
        "time": time.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": actor,
        "action": action,
        "subject": subject,
        "details": details,
        "previous_hash": previous_hash,
    }
    return hashlib.sha256(canonical_json(fields)).hexdigest()


def verify(entries: Iterable[AuditEntry], expected: Head | None = None) -> Head:
    """Checks a whole chain, oldest entry first, and returns its end.

    `expected` is an end noted earlier: the chain must reach it and hold the same hash there.
    Raises AuditChainError naming the first entry that was changed, removed, added or moved.
    """
    head = EMPTY
    for entry in entries:
        head = _verify_link(head, entry)
        if expected is not None and head.sequence == expected.sequence and head.hash != expected.hash:
            raise AuditChainError(
                head.sequence, "the chain was rewritten: its hash is not the one noted earlier"
            )
    if expected is not None and head.sequence < expected.sequence:
        raise AuditChainError(head.sequence + 1, "is missing: the log was cut off at its end")
    return head


def _verify_link(head: Head, entry: AuditEntry) -> Head:
    due = head.sequence + 1
    if entry.sequence != due:
        raise AuditChainError(due, f"is missing or out of order: entry {entry.sequence} stands in its place")
    if not hmac.compare_digest(entry.previous_hash.encode(), head.hash.encode()):
        raise AuditChainError(due, "does not continue from the entry before it")
    computed = entry_hash(
        sequence=entry.sequence,
        time=entry.time,
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        details=entry.details,
        previous_hash=entry.previous_hash,
    )
    if not hmac.compare_digest(computed.encode(), entry.hash.encode()):
        raise AuditChainError(due, "was changed: its content does not match its hash")
    return Head(entry.sequence, entry.hash)
