"""What can go wrong when a key is made anew at a station."""

from issuance.errors import IssuanceError


class KeyProofError(IssuanceError):
    """What came from the station is not the signature of the key that is, or is to be, certified."""

    kind = "key-proof"

    def __init__(self, slot: str) -> None:
        super().__init__(f"what came from the station is no signature of the card's key {slot}")
        self.slot = slot
