"""What can go wrong when a card is unblocked."""

from issuance.delivery.matching import MatchFault
from issuance.errors import IssuanceError, StateError


class UnblockingProofError(IssuanceError):
    """What the card said afterwards does not show that it is this card with its holder's PIN."""

    kind = "unblocking-proof"

    def __init__(self, fault: MatchFault) -> None:
        super().__init__(f"the card's {fault.value} is not what is on record")
        self.fault = fault


class LoginKeyNotCertifiedError(StateError):
    """A renewal of key 9A was torn or given up: which key the card has is not on record, or not in the card.

    Nothing of the card was touched. Its secure channel alone would let a PIN be set, but nothing could show
    afterwards that the holder, and nobody else, has set it.
    """

    kind = "login-key-not-certified"

    def __init__(self) -> None:
        super().__init__(
            "a renewal of the login key was torn or given up: renew the key again first, with the holder's "
            "PIN; where the PIN is blocked, too, replace the card as damaged"
        )
