"""What can go wrong when a card is handed over."""

from datetime import datetime

from issuance.delivery.matching import MatchFault
from issuance.errors import IssuanceError


class DeliveryError(IssuanceError):
    """Base of:

    DeliveryError
    ├── IdentityUncheckedError   nobody has just checked that this is the card's person
    ├── ChecksFailedError        so many people were not this card's holder that somebody else has to look
    ├── NotYetError              an uncollected card still waits for its person
    ├── DeliveryClosedError      expired, replaced by a newer one, or out of tries
    ├── DeliveryProofError       the signature is not by this card's key over this delivery's challenge
    └── CardMismatchError        the card says that it is another one, or another person's
    """

    kind = "delivery"


class IdentityUncheckedError(DeliveryError):
    """No check of the person by this operator that was passed, is still good, and is the card's last."""

    kind = "identity-unchecked"

    def __init__(self) -> None:
        super().__init__("nobody has put on record who came for this card")


class ChecksFailedError(DeliveryError):
    """Too many checks about this card have failed today: a supervisor who had no part in them looks now."""

    kind = "checks-failed"

    def __init__(self) -> None:
        super().__init__("too many checks have failed; a supervisor who made none of them has to look")


class NotYetError(DeliveryError):
    """The card is not to be taken back, or ended, before `at`; None: before it was taken back."""

    kind = "recall-not-yet"

    def __init__(self, at: datetime | None) -> None:
        super().__init__(
            "the card was not taken back yet" if at is None else f"not before {at:%Y-%m-%d %H:%M} UTC"
        )
        self.at = at


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


class CardMismatchError(DeliveryError):
    """`fault` says where the card's own data part from record and person."""

    kind = "card-mismatch"

    def __init__(self, fault: MatchFault, tries_left: int) -> None:
        super().__init__(f"the card's {fault.value} is not what is on record; {tries_left} tries left")
        self.fault = fault
        self.tries_left = tries_left
