"""What stock refuses."""

from issuance.errors import IssuanceError


class StockError(IssuanceError):
    """Base of:

    StockError
    ├── InvalidRangeError     not a range of serials, or too many bodies
    ├── DeliveryNoteTakenError  the supplier's note is on record already
    ├── BodiesKnownError      bodies of this batch are on record from another one
    ├── CountMismatchError    the second person counted another number
    ├── SecondPersonError     the same person can't do both halves
    └── ElsewhereError        the bodies are at, or on their way to, another office
    """

    kind = "stock"


class InvalidRangeError(StockError):
    """Not a range of serials, or too many bodies in all."""

    kind = "invalid-range"


class DeliveryNoteTakenError(StockError):
    """The supplier's note is on record already."""

    kind = "delivery-note-taken"

    def __init__(self, delivery_note: str) -> None:
        super().__init__(f"delivery note {delivery_note} is on record already")
        self.delivery_note = delivery_note


class BodiesKnownError(StockError):
    """Bodies of this batch are on record from another one; `serial` is the first."""

    kind = "bodies-known"

    def __init__(self, serial: str, count: int) -> None:
        super().__init__(f"{count} bodies are on record already, the first is {serial}")
        self.serial = serial
        self.count = count


class CountMismatchError(StockError):
    """The second person counted another number than the first: count again."""

    kind = "count-mismatch"

    def __init__(self, found: int) -> None:
        # The first count is not told: the second person counts for themselves.
        super().__init__(f"{found} is not what was counted first")
        self.found = found


class SecondPersonError(StockError):
    """Two people do this; the same person can't do both halves."""

    kind = "second-person"

    def __init__(self, what: str) -> None:
        super().__init__(f"someone else has to {what}")
        self.what = what


class ElsewhereError(StockError):
    """The bodies are at, or on their way to, another office than the operator's; `serial` is one of them."""

    kind = "elsewhere"

    def __init__(self, serial: str) -> None:
        super().__init__(f"body {serial} belongs to another office")
        self.serial = serial
