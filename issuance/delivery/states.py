"""Where a delivery stands and what leads on, pure.

(a check that was passed) ─► open ─ prove ─► proven ─ complete ─► completed
                              │ close           │ close
                              ▼                 ▼
                            closed ◄────────────┘
"""

from enum import StrEnum, unique

from issuance.lifecycle.states import StateMachine


@unique
class DeliveryState(StrEnum):
    """Where a delivery stands."""

    OPEN = "open"
    PROVEN = "proven"
    """Card and person match, and the card has answered with its holder's own PIN; certificates go live."""
    COMPLETED = "completed"
    CLOSED = "closed"


@unique
class DeliveryEvent(StrEnum):
    """What happens to a delivery."""

    PROVE = "prove"
    COMPLETE = "complete"
    CLOSE = "close"


@unique
class DeliveryEnd(StrEnum):
    """Why a delivery was closed without the card going live."""

    SUPERSEDED = "superseded"
    """Another was opened."""
    TRIES = "tries"
    """The card's answer was wrong too often."""
    CHECK_FAILED = "check_failed"
    REFUSED = "refused"
    """By the person."""
    RETURNED = "returned"
    """Nobody collected it in time."""
    REVOKED = "revoked"
    """The card, or a certificate of it, meanwhile."""
    UNPROVEN = "unproven"
    """The record of its proof was not the card's."""
    UNRECORDED = "unrecorded"
    """In the days before the reason was kept."""


@unique
class CheckOutcome(StrEnum):
    """What a check of the person came to."""

    PASSED = "passed"
    FAILED = "failed"
    UNRECORDED = "unrecorded"
    """Deliveries of the days before checks were kept have this instead of one."""


@unique
class CheckPurpose(StrEnum):
    """What a check of the person was for."""

    DELIVERY = "delivery"
    PRESENCE = "presence"
    """Of a card in use."""


@unique
class RefusalReason(StrEnum):
    """Why a person doesn't take the card."""

    WRONG_DATA = "wrong_data"
    WRONG_PORTRAIT = "wrong_portrait"
    DAMAGED = "damaged"
    UNWANTED = "unwanted"


_S, _E = DeliveryState, DeliveryEvent

DELIVERY = StateMachine(
    "delivery",
    {
        (_S.OPEN, _E.PROVE): _S.PROVEN,
        (_S.PROVEN, _E.COMPLETE): _S.COMPLETED,
        (_S.OPEN, _E.CLOSE): _S.CLOSED,
        (_S.PROVEN, _E.CLOSE): _S.CLOSED,
    },
)
