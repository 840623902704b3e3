"""What can go wrong when a card is handed over."""

from issuance.errors import IssuanceError


class DeliveryError(IssuanceError):
    """Base of:

    DeliveryError
    ├── DeliveryClosedError   expired, replaced by a newer one, or out of tries
    └── DeliveryProofError    the signature is not by this card's key over this delivery's challenge
    """

    kind = "delivery"


class DeliveryClosedError(DeliveryError):
    """This delivery can't be completed any more; open another."""

    kind = "delivery-closed"

    def __init__(self) -> None:
        super().__init__("this delivery has ended; open another")


class DeliveryProofError(DeliveryError):
    """Not the signature of this card's authentication key over this delivery's challenge."""

    kind = "delivery-proof"

    def __init__(self, tries_left: int) -> None:
        super().__init__(f"the signature does not fit card and challenge; {tries_left} tries left")
        self.tries_left = tries_left
