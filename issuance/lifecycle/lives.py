"""The lives of cards as one table, pure: what leads where, what becomes of the certificates, by whom, why.

Every service follows it, the database refuses any other change of state, and docs/lifecycle.md shows it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, unique

from issuance.lifecycle.states import CardEvent, CardState, RevocationCause, StateMachine, SuspensionReason
from issuance.operators.models import Role


@unique
class Effect(StrEnum):
    """What becomes of the card's certificates."""

    NOTHING = "stay as they are"
    ACTIVATE = "first hold ends: good"
    HOLD = "on hold"
    RELEASE = "good again"
    REVOKE = "revoked"


_PRODUCERS = (Role.CLERK, Role.SUPERVISOR, Role.PRODUCTION)
_COUNTER = (Role.CLERK, Role.SUPERVISOR)
_WHY_REVOKED = tuple(cause.value for cause in RevocationCause)
_WHY_SUSPENDED = tuple(reason.value for reason in SuspensionReason)


@dataclass(frozen=True)
class Arrow:
    """One change of a card's state."""

    before: CardState
    event: CardEvent
    after: CardState
    effect: Effect
    who: tuple[Role, ...]
    """Whose work it is."""
    needs: str
    """What has to be there before, in words."""
    reasons: tuple[str, ...] = ()
    """The reasons that may be given; none: it needs none."""


_S, _E = CardState, CardEvent
_REVOKE = Effect.REVOKE

LIFE = (
    Arrow(
        *(_S.IN_PRODUCTION, _E.FINISH, _S.PRODUCED, Effect.NOTHING, _PRODUCERS),
        needs="every step of the run; certificates were issued on hold",
    ),
    Arrow(
        *(_S.IN_PRODUCTION, _E.VOID, _S.VOIDED, _REVOKE, _PRODUCERS),
        needs="a run that is not at work",
    ),
    Arrow(
        *(_S.PRODUCED, _E.VOID, _S.VOIDED, _REVOKE, _PRODUCERS),
        needs="a rejection by a second person, too many failed checks, or a recall that ended",
    ),
    Arrow(
        *(_S.PRODUCED, _E.DELIVER, _S.ACTIVE, Effect.ACTIVATE, _COUNTER),
        needs="a completed delivery: person checked, card matched, PIN replaced",
    ),
    Arrow(*(_S.PRODUCED, _E.REVOKE, _S.REVOKED, _REVOKE, _COUNTER), needs="–", reasons=_WHY_REVOKED),
    Arrow(*(_S.ACTIVE, _E.SUSPEND, _S.SUSPENDED, Effect.HOLD, _COUNTER), needs="–", reasons=_WHY_SUSPENDED),
    Arrow(*(_S.ACTIVE, _E.REVOKE, _S.REVOKED, _REVOKE, _COUNTER), needs="–", reasons=_WHY_REVOKED),
    Arrow(
        *(_S.SUSPENDED, _E.RESUME, _S.ACTIVE, Effect.RELEASE, _COUNTER),
        needs="after a call: the holder in person, checked",
    ),
    Arrow(*(_S.SUSPENDED, _E.REVOKE, _S.REVOKED, _REVOKE, _COUNTER), needs="–", reasons=_WHY_REVOKED),
)

CARD = StateMachine("card", {(arrow.before, arrow.event): arrow.after for arrow in LIFE})


def who_may(event: CardEvent) -> tuple[Role, ...]:
    """Whose work the event is, from whatever state."""
    return tuple(dict.fromkeys(role for arrow in LIFE if arrow.event is event for role in arrow.who))


def as_markdown() -> Iterator[str]:
    """The table's lines, for docs/lifecycle.md."""
    yield "| from | event | to | certificates | by | needs | reasons |"
    yield "|---|---|---|---|---|---|---|"
    for arrow in LIFE:
        who = ", ".join(role.value for role in arrow.who)
        reasons = ", ".join(f"`{reason}`" for reason in arrow.reasons) or "–"
        states = f"`{arrow.before}` | {arrow.event} | `{arrow.after}`"
        yield f"| {states} | {arrow.effect} | {who} | {arrow.needs} | {reasons} |"
