"""What mass actions refuse."""

from datetime import datetime

from issuance.errors import AccessError, IssuanceError, StateError


class MassActionError(IssuanceError):
    """A mass action is refused.

    MassActionError
    ├── NothingSelectedError   no key meets the selection
    ├── SelectionChangedError  the keys that it means are not those of the proposal
    ├── ProposalOverError      proposed too long ago
    └── MassBusyError          another action is at work
    OwnProposalError           (an AccessError) the second person is the first one
    CardHeldError              (a StateError) a mass action holds the card's keys
    """

    kind = "mass-action"


class NothingSelectedError(MassActionError):
    """No key of a live card meets the selection."""

    kind = "nothing-selected"

    def __init__(self) -> None:
        super().__init__("no key of a live card meets the selection")


class SelectionChangedError(MassActionError):
    """Since the proposal more keys have come or gone than it allows for."""

    kind = "selection-changed"

    def __init__(self, come: int, gone: int, tolerance: int) -> None:
        super().__init__(
            f"since the proposal {come} keys have come and {gone} have gone, and it allows for {tolerance}; "
            "propose it anew"
        )
        self.come = come
        self.gone = gone
        self.tolerance = tolerance


class ProposalOverError(MassActionError):
    """The proposal is too old to be confirmed."""

    kind = "proposal-over"

    def __init__(self, ended: datetime) -> None:
        super().__init__(f"the proposal's time ended at {ended:%F %T} UTC; propose it anew")
        self.ended = ended


class MassBusyError(MassActionError):
    """Keys are being held or released by another action: one at a time."""

    kind = "mass-action-busy"

    def __init__(self) -> None:
        super().__init__("another mass action is at work; it has to end first")


class OwnProposalError(AccessError):
    """A mass action takes two people."""

    kind = "own-proposal"

    def __init__(self) -> None:
        super().__init__("a mass action is confirmed by another person than proposed it")


class CardHeldError(StateError):
    """A mass action holds keys of the card; they are made anew, or the action is lifted."""

    kind = "card-held"

    def __init__(self, action_id: str) -> None:
        super().__init__(f"mass action {action_id} holds keys of this card; renew them first")
        self.action_id = action_id
