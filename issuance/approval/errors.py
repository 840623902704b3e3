"""What is refused about batches of approvals."""

from issuance.errors import StateError


class BatchOverError(StateError):
    """The batch was confirmed already, or its time is over; propose another."""

    kind = "batch-over"

    def __init__(self) -> None:
        super().__init__("this batch was confirmed already or has expired; propose it anew")
