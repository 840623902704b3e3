"""Where a mass action stands, and each key in it; pure."""

from enum import StrEnum, unique

from issuance.lifecycle.states import StateMachine


@unique
class ActionState(StrEnum):
    """Where a mass action stands."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    """By a second person; nothing is held yet."""
    HOLDING = "holding"
    """Its keys are being held; also after a crash, until `run` ends it."""
    HELD = "held"
    """All that could be held is; keys leave it as they are made anew."""
    LIFTING = "lifting"
    """Two people have lifted it; what is left is being released, also after a crash."""
    LIFTED = "lifted"
    CANCELLED = "cancelled"
    """Before anything was held."""


@unique
class ActionEvent(StrEnum):
    """What happens to a mass action."""

    CONFIRM = "confirm"
    HOLD = "hold"
    FINISH_HOLD = "finish_hold"
    LIFT = "lift"
    FINISH_LIFT = "finish_lift"
    CANCEL = "cancel"


@unique
class ItemState(StrEnum):
    """Where one key of a mass action stands."""

    PENDING = "pending"
    HELD = "held"
    """On hold as long as this action, or another that holds it too, goes on."""
    SKIPPED = "skipped"
    """The authority left it as it was; `why` says for what reason."""
    REKEYED = "rekeyed"
    """Another key was made in its place."""
    ENDED = "ended"
    """Its card was revoked or voided, or its certificate alone: before another key is made in its place."""
    LIFTED = "lifted"
    """Let go by the action's end. It is good again unless somebody else holds it: then `why` says so."""


@unique
class Phase(StrEnum):
    """What is being done."""

    HOLD = "hold"
    LIFT = "lift"


_S, _E = ActionState, ActionEvent

MASS_ACTION = StateMachine(
    "mass action",
    {
        (_S.PROPOSED, _E.CONFIRM): _S.CONFIRMED,
        (_S.PROPOSED, _E.CANCEL): _S.CANCELLED,
        (_S.CONFIRMED, _E.CANCEL): _S.CANCELLED,
        (_S.CONFIRMED, _E.HOLD): _S.HOLDING,
        (_S.HOLDING, _E.FINISH_HOLD): _S.HELD,
        (_S.HELD, _E.LIFT): _S.LIFTING,
        (_S.LIFTING, _E.FINISH_LIFT): _S.LIFTED,
    },
)

AT_WORK = frozenset({ActionState.HOLDING, ActionState.LIFTING})
"""One action at most is in these: two that change the same keys take turns."""
ENDED = frozenset({ActionState.LIFTED, ActionState.CANCELLED})
OPEN_ITEMS = frozenset({ItemState.PENDING, ItemState.HELD})
