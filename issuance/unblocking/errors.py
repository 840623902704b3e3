"""What can go wrong when a card is unblocked."""

from issuance.delivery.matching import MatchFault
from issuance.errors import IssuanceError


class UnblockingProofError(IssuanceError):
    """What the card said afterwards does not show that it is this card with its holder's PIN."""

    kind = "unblocking-proof"

    def __init__(self, fault: MatchFault) -> None:
        super().__init__(f"the card's {fault.value} is not what is on record")
        self.fault = fault
