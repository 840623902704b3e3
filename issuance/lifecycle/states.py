"""The state machines, pure: every arrow stands in a table, and everything else is forbidden.

draft ─submit─► submitted ─approve─► approved
  ▲                │ │ refuse► refused   │ start
  └ returned ◄─return┘                   ▼
    (edited: draft)          in_production
                      void ─► approved │ finish
    delivered ◄─deliver─ ready ◄───────┤ wait
                         │ ▲           ▼         (a rejected card is voided, too)
                         │ └──pass─ inspection
                         ├─ card revoked ─► approved
                         └─ take_back (card void) ─► withdrawn
    draft, submitted, returned, approved ─withdraw─► withdrawn

Cards have their own table (`lives`).
"""

from collections.abc import Mapping
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Generic, TypeVar

from issuance.errors import ForbiddenTransitionError


@unique
class ApplicationState(StrEnum):
    """Where an application stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    REFUSED = "refused"
    APPROVED = "approved"
    IN_PRODUCTION = "in_production"
    INSPECTION = "inspection"
    READY = "ready"
    DELIVERED = "delivered"
    WITHDRAWN = "withdrawn"


@unique
class ApplicationEvent(StrEnum):
    """What happens to an application."""

    EDIT = "edit"
    SUBMIT = "submit"
    RETURN = "return"
    REFUSE = "refuse"
    APPROVE = "approve"
    START_PRODUCTION = "start_production"
    VOID_PRODUCTION = "void_production"
    FINISH_PRODUCTION = "finish_production"
    AWAIT_INSPECTION = "await_inspection"
    ACCEPT_CARD = "accept_card"
    LOSE_CARD = "lose_card"
    TAKE_BACK = "take_back"
    """Its card waits for nobody any more: not collected, or nobody came who is its person."""
    DELIVER = "deliver"
    WITHDRAW = "withdraw"


@unique
class CardState(StrEnum):
    """Where a card stands."""

    IN_PRODUCTION = "in_production"
    PRODUCED = "produced"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    VOIDED = "voided"


@unique
class CardEvent(StrEnum):
    """What happens to a card."""

    FINISH = "finish"
    VOID = "void"
    DELIVER = "deliver"
    SUSPEND = "suspend"
    RESUME = "resume"
    REVOKE = "revoke"


@unique
class RevocationCause(StrEnum):
    """Why a card is revoked, in the clerk's words."""

    LOST = "lost"
    STOLEN = "stolen"
    DAMAGED = "damaged"
    DATA_CHANGED = "data_changed"
    DECEASED = "deceased"
    WITHDRAWN = "withdrawn"


@unique
class SuspensionReason(StrEnum):
    """Why a card is stopped for a while."""

    HOLDER = "holder"
    """Its holder asks for it, in person."""
    CALL = "call"
    """Its holder asks for it by telephone, with the pass phrase; it ends in person alone."""
    FOUND = "found"
    """Somebody has handed it in."""
    SUSPICION = "suspicion"


StateT = TypeVar("StateT", bound=StrEnum)
EventT = TypeVar("EventT", bound=StrEnum)


class StateMachine(Generic[StateT, EventT]):
    """A table of arrows; `after` follows one or refuses."""

    def __init__(self, what: str, arrows: Mapping[tuple[StateT, EventT], StateT]) -> None:
        self.what = what
        self.arrows: Mapping[tuple[StateT, EventT], StateT] = MappingProxyType(dict(arrows))

    def after(self, state: StateT, event: EventT) -> StateT:
        """The state that `event` leads to. Raises ForbiddenTransitionError."""
        try:
            return self.arrows[state, event]
        except KeyError:
            raise ForbiddenTransitionError(self.what, state.value, event.value) from None

    def allows(self, state: StateT, event: EventT) -> bool:
        """Whether there is such an arrow: for showing or hiding a button, never for deciding."""
        return (state, event) in self.arrows


_A, _AE = ApplicationState, ApplicationEvent

APPLICATION = StateMachine(
    "application",
    {
        (_A.DRAFT, _AE.EDIT): _A.DRAFT,
        (_A.DRAFT, _AE.SUBMIT): _A.SUBMITTED,
        (_A.SUBMITTED, _AE.RETURN): _A.RETURNED,
        (_A.SUBMITTED, _AE.REFUSE): _A.REFUSED,
        (_A.SUBMITTED, _AE.APPROVE): _A.APPROVED,
        (_A.RETURNED, _AE.EDIT): _A.DRAFT,
        (_A.RETURNED, _AE.SUBMIT): _A.SUBMITTED,
        (_A.RETURNED, _AE.REFUSE): _A.REFUSED,
        (_A.APPROVED, _AE.START_PRODUCTION): _A.IN_PRODUCTION,
        (_A.IN_PRODUCTION, _AE.VOID_PRODUCTION): _A.APPROVED,
        (_A.IN_PRODUCTION, _AE.FINISH_PRODUCTION): _A.READY,
        (_A.IN_PRODUCTION, _AE.AWAIT_INSPECTION): _A.INSPECTION,
        (_A.INSPECTION, _AE.ACCEPT_CARD): _A.READY,
        (_A.INSPECTION, _AE.VOID_PRODUCTION): _A.APPROVED,
        (_A.INSPECTION, _AE.LOSE_CARD): _A.APPROVED,
        (_A.READY, _AE.LOSE_CARD): _A.APPROVED,
        (_A.READY, _AE.TAKE_BACK): _A.WITHDRAWN,
        (_A.READY, _AE.DELIVER): _A.DELIVERED,
        (_A.DRAFT, _AE.WITHDRAW): _A.WITHDRAWN,
        (_A.SUBMITTED, _AE.WITHDRAW): _A.WITHDRAWN,
        (_A.RETURNED, _AE.WITHDRAW): _A.WITHDRAWN,
        (_A.APPROVED, _AE.WITHDRAW): _A.WITHDRAWN,
    },
)

OPEN_APPLICATION_STATES = frozenset(ApplicationState) - {
    ApplicationState.REFUSED,
    ApplicationState.DELIVERED,
    ApplicationState.WITHDRAWN,
}
"""A person has at most one application in these."""

DECIDED = (CardEvent.SUSPEND, CardEvent.RESUME, CardEvent.REVOKE)
"""What an operator decides of a card, and the authority does then."""

LIVE_CARD_STATES = frozenset(
    {CardState.IN_PRODUCTION, CardState.PRODUCED, CardState.ACTIVE, CardState.SUSPENDED}
)
"""A person has at most one card in these."""
