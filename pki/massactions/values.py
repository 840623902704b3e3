"""What officers ask for and what they are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, unique

from pki.authority.transitions import Change
from pki.errors import OfficerLabelError, SelectionError
from pki.officers import officer_label as checked_label
from pki.status.state import FINAL_REASONS, Hold, RevocationReason, Status

MAX_NOTE = 200


@unique
class Kind(Enum):
    """What is done to every selected certificate; the values are stored."""

    HOLD = "hold"
    RELEASE = "release"
    """Lifts officers' holds, and no others."""
    REVOKE = "revoke"


@unique
class State(Enum):
    """Where a mass action stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    RUNNING = "running"
    """Also after a crash: the next run goes on."""
    PAUSED = "paused"
    CANCELLED = "cancelled"
    """For good; what was done before stays done."""
    DONE = "done"


@dataclass(frozen=True)
class Terms:
    """What to do, and why."""

    kind: Kind
    note: str
    """In words; no personal data: it stands in the audit chain."""
    reason: RevocationReason | None = None
    """With a revocation, and only there."""
    invalidity_date: datetime | None = None
    """With a revocation: since when the keys are suspect (RFC 5280 §5.3.2)."""

    def check(self, now: datetime) -> None:
        """Raises SelectionError."""
        if not 0 < len(self.note) <= MAX_NOTE:
            raise SelectionError("note", f"say why, in 1 to {MAX_NOTE} characters")
        if self.kind is not Kind.REVOKE:
            if self.reason is not None or self.invalidity_date is not None:
                raise SelectionError("reason", "reason and invalidity date go with a revocation alone")
            return
        if self.reason not in FINAL_REASONS:
            raise SelectionError("reason", "a revocation needs one of the final reasons")
        if self.invalidity_date is not None and self.invalidity_date > now:
            raise SelectionError("invalidity_date", "lies in the past")

    def change(self, actor: str) -> Change:
        """The change that the rules of `pki.authority.transitions` are asked about."""
        action = f"mass.{self.kind.value}"
        if self.kind is Kind.HOLD:
            reason = RevocationReason.CERTIFICATE_HOLD
            return Change(Status.ON_HOLD, reason, action, actor, self.note, Hold.OFFICER)
        if self.kind is Kind.RELEASE:
            return Change(Status.GOOD, None, action, actor, self.note, Hold.OFFICER, own_only=True)
        return Change(
            Status.REVOKED, self.reason, action, actor, self.note, invalidity_date=self.invalidity_date
        )


@dataclass(frozen=True)
class MassAction:
    """A mass action as it is on record."""

    number: int
    terms: Terms
    selection: str
    """Canonical JSON."""
    preview: str
    """Canonical JSON: see `pki.massactions.preview`."""
    digest: str
    """What the second officer confirms: 64 hexadecimal digits."""
    proposed_by: str
    proposed: datetime
    approved_by: str | None
    approved: datetime | None
    state: State
    closed: datetime | None


@dataclass(frozen=True)
class Progress:
    """What has been done so far."""

    number: int
    state: State
    total: int
    """Certificates that the action means."""
    parts: int
    moved: int
    """Their status changed."""
    reheld: int
    """They stay on hold, under another hold than before."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Left as they were, by the rules' reason."""

    @property
    def done(self) -> int:
        """Certificates that were decided about."""
        return self.moved + self.reheld + sum(self.skipped.values())


def officer_label(name: str) -> str:
    """An officer's label as it is stored (`pki.officers`). Raises SelectionError."""
    try:
        return checked_label(name)
    except OfficerLabelError as error:
        raise SelectionError("officer", str(error)) from error
