"""One certificate as the log tells of it: issued, then changed by the authority's own rules. Pure.

What an entry says became of a certificate is believed only where the rules, asked again, say the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pki.auditchain import Json
from pki.authority.holders import ISSUED
from pki.authority.record import ACTIVATED, RESUMED, REVOKED, SUSPENDED
from pki.authority.transitions import Change, Refusal, Standing, decide
from pki.profiles.definitions import DEFINITIONS
from pki.status.state import FINAL_REASONS, Hold, RevocationReason, Status

CERTIFICATE_ACTIONS = frozenset({ISSUED, SUSPENDED, ACTIVATED, RESUMED, REVOKED})
"""Actions whose entries tell of the one certificate that is their subject."""
_STARTS = {status.value: status for status in (Status.GOOD, Status.ON_HOLD)}
_HELD_UNTIL_DELIVERY = frozenset(
    profile.value for profile, definition in DEFINITIONS.items() if definition.held_until_delivery
)
_HELD = RevocationReason.CERTIFICATE_HOLD


class ReplayError(Exception):
    """No authority can have written the log's entries about a certificate; carries what is wrong."""


@dataclass
class Told:
    """What the log says of a certificate. Times are seconds since 1970."""

    issuer: str
    profile: str
    request: str
    standing: Standing
    reason: str | None
    since: int | None = None
    """None: its status is that of the day of issue."""
    invalidity_date: int | None = None

    @property
    def status(self) -> str:  # noqa: D102 - as the table's column, and so the next three
        return self.standing.status.value

    @property
    def held_by(self) -> str | None:  # noqa: D102
        return self.standing.held_by.value if self.standing.held_by else None

    @property
    def held_under(self) -> str | None:  # noqa: D102
        return self.standing.held_under.value if self.standing.held_under else None

    @property
    def activated(self) -> bool:  # noqa: D102
        return self.standing.activated

    def change(self, sequence: int, action: str, seconds: int, details: Mapping[str, Json]) -> None:
        """A single change, by its entry, which must tell what comes of it. Raises ReplayError."""
        if details.get("from") != self.status:
            raise ReplayError(
                f"entry {sequence} changes it from {details.get('from')!r}, and it was {self.status}"
            )
        self._apply(sequence, _change(sequence, action, seconds, details, self.standing), seconds)
        due = {"to": self.status, "held_by": self.held_by, "reason": self.reason}
        for name, value in due.items():
            if details.get(name) != value:
                raise ReplayError(
                    f"entry {sequence} tells {name} {details.get(name)!r}, and the rules {value!r}"
                )

    def change_with_many(self, sequence: int, change: Change, seconds: int) -> None:
        """A part of a mass action moved it, or put it under another hold. Raises ReplayError."""
        self._apply(sequence, change, seconds)

    def _apply(self, sequence: int, change: Change, seconds: int) -> None:
        """By the rules; its end isn't in the log, so that any time counts as within its life."""
        after = decide(self.standing, change, expired=False)
        if isinstance(after, Refusal):
            raise ReplayError(f"entry {sequence} changes it, and the rules refuse that: {after.value}")
        if after.status is not self.standing.status:
            self.reason = change.reason.value if change.reason else None
            date = change.invalidity_date
            self.since, self.invalidity_date = seconds, None if date is None else int(date.timestamp())
        self.standing = after


def issued(sequence: int, details: Mapping[str, Json]) -> Told:
    """By the entry of its issue. Raises ReplayError."""
    status = _STARTS.get(str(details.get("status")))
    if status is None:
        raise ReplayError(f"entry {sequence} issues it as {details.get('status')!r}")
    on_hold = status is Status.ON_HOLD
    if not on_hold and _text(details, "profile") in _HELD_UNTIL_DELIVERY:
        raise ReplayError(f"entry {sequence} issues a card's certificate that is good before any delivery")
    return Told(
        issuer=_text(details, "issuer") or "",
        profile=_text(details, "profile") or "",
        request=_text(details, "request") or "",
        standing=Standing(status, Hold.DELIVERY if on_hold else None, None, not on_hold),
        reason=_HELD.value if on_hold else None,
    )


def _change(
    sequence: int, action: str, seconds: int, details: Mapping[str, Json], before: Standing
) -> Change:
    """What was asked for, as the entry tells it. Raises ReplayError."""
    if action == SUSPENDED:
        return Change(Status.ON_HOLD, _HELD, action, "", "", _hold(sequence, details, before))
    if action == ACTIVATED:
        return Change(Status.GOOD, None, action, "", "", Hold.DELIVERY, activates=True)
    if action == RESUMED:  # with whose power the log doesn't tell: with the strongest
        return Change(Status.GOOD, None, action, "", "", Hold.OFFICER)
    date = _date(sequence, details)
    if date is not None and int(date.timestamp()) > seconds:
        raise ReplayError(f"entry {sequence} says that its key was suspect from later on")
    return Change(Status.REVOKED, _final_reason(sequence, details), action, "", "", invalidity_date=date)


def _hold(sequence: int, details: Mapping[str, Json], before: Standing) -> Hold:
    """Whose hold it became: the entry tells who holds, and under that a weaker hold waits."""
    told = details.get("held_by")
    if before.held_by is not None and told == before.held_by.value:
        return Hold.REGISTRY
    for hold in Hold:
        if hold.value == told:
            return hold
    raise ReplayError(f"entry {sequence} names no hold")


def _final_reason(sequence: int, details: Mapping[str, Json]) -> RevocationReason:
    for reason in FINAL_REASONS:
        if reason.value == details.get("reason"):
            return reason
    raise ReplayError(f"entry {sequence} revokes it for no reason that there is")


def _date(sequence: int, details: Mapping[str, Json]) -> datetime | None:
    text = details.get("invalidity_date")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ReplayError(f"entry {sequence} has a date that is none") from error


def _text(details: Mapping[str, Json], name: str) -> str | None:
    value = details.get(name)
    return value if isinstance(value, str) else None
