"""What stands in a batch run's way."""

from issuance.errors import AccessError
from issuance.production.errors import ProductionError


class NoPlaceError(ProductionError):
    """Other readers make cards at all of the server's places, or at all that an office may have."""

    kind = "no-place"

    def __init__(self, free: int) -> None:
        super().__init__(f"{free} more readers can work now for this office; pause others, or take fewer")
        self.free = free
        """Places that are left for the office."""


class StarterGoneError(AccessError):
    """Who started the run may not make cards any more; in their name none is made."""

    kind = "starter-gone"

    def __init__(self) -> None:
        super().__init__(
            "who started this run may not make cards here any more; cancel it, and start another"
        )
