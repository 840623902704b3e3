"""One certificate as the log tells of it: issued, then changed entry by entry. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pki.auditchain import Json
from pki.authority.holders import ISSUED
from pki.authority.record import ACTIVATED, RESUMED, REVOKED, SUSPENDED
from pki.authority.transitions import Change, Refusal, Standing, decide
from pki.status.state import Hold, RevocationReason, Status

CERTIFICATE_ACTIONS = frozenset({ISSUED, SUSPENDED, ACTIVATED, RESUMED, REVOKED})
"""Actions whose entries tell of the one certificate that is their subject."""


class ReplayError(Exception):
    """The log's own entries about a certificate contradict one another; carries what is wrong."""


@dataclass
class Told:
    """What the log says of a certificate. Times are seconds since 1970."""

    issuer: str
    profile: str
    request: str
    status: str
    reason: str | None
    held_by: str | None
    held_under: str | None
    activated: bool
    since: int | None = None
    """None: its status is that of the day of issue."""
    invalidity_date: int | None = None

    def change(self, sequence: int, action: str, seconds: int, details: Mapping[str, Json]) -> None:
        """A single change, by its entry. Raises ReplayError."""
        if details.get("from") != self.status:
            raise ReplayError(
                f"entry {sequence} changes it from {details.get('from')}, and it was {self.status}"
            )
        before, held_by = self.status, _text(details, "held_by")
        self.status, self.reason = _text(details, "to") or "", _text(details, "reason")
        if self.status != Status.ON_HOLD.value or before != self.status or action == RESUMED:
            self.held_under = None
        else:  # a stronger hold takes over, or a weaker one waits
            self.held_under = self.held_by if held_by != self.held_by else Hold.REGISTRY.value
        self.held_by = held_by
        self.activated = self.activated or self.status == Status.GOOD.value
        if self.status != before:
            self.since, self.invalidity_date = seconds, _seconds(details.get("invalidity_date"))

    def change_with_many(self, sequence: int, change: Change, seconds: int) -> None:
        """A part of a mass action moved it, or put it under another hold. Raises ReplayError."""
        after = decide(self._standing(), change, expired=False)
        if isinstance(after, Refusal):
            raise ReplayError(f"entry {sequence} changes it, and the rules refuse that: {after.value}")
        moved = after.status.value != self.status
        self.status, self.activated = after.status.value, after.activated
        self.held_by = after.held_by.value if after.held_by else None
        self.held_under = after.held_under.value if after.held_under else None
        if moved:
            self.reason = change.reason.value if change.reason else None
            date = change.invalidity_date
            self.since, self.invalidity_date = seconds, None if date is None else int(date.timestamp())

    def _standing(self) -> Standing:
        held_by = Hold(self.held_by) if self.held_by else None
        held_under = Hold(self.held_under) if self.held_under else None
        return Standing(Status(self.status), held_by, held_under, self.activated)


def issued(details: Mapping[str, Json]) -> Told:
    """By the entry of its issue."""
    on_hold = details.get("status") == Status.ON_HOLD.value
    return Told(
        issuer=_text(details, "issuer") or "",
        profile=_text(details, "profile") or "",
        request=_text(details, "request") or "",
        status=_text(details, "status") or "",
        reason=RevocationReason.CERTIFICATE_HOLD.value if on_hold else None,
        held_by=Hold.DELIVERY.value if on_hold else None,
        held_under=None,
        activated=not on_hold,
    )


def _text(details: Mapping[str, Json], name: str) -> str | None:
    value = details.get(name)
    return value if isinstance(value, str) else None


def _seconds(text: Json) -> int | None:
    if not isinstance(text, str):
        return None
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
