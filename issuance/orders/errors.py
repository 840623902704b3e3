"""What the queue refuses."""

from issuance.errors import IssuanceError


class OrderError(IssuanceError):
    """Base of:

    OrderError
    ├── OrderHeldError       somebody else has taken the order and is about to begin
    ├── NotHeldError         the order does not wait for what became of it before a restore
    ├── NotReconciledError   after a restore nobody has looked yet whether its card was made
    ├── NotWaitingError      the order is not in the queue
    └── UrgentQuotaError     the office has as many urgent orders as it may
    """

    kind = "order"


class OrderHeldError(OrderError):
    """Somebody else has taken the order out of the queue and is about to begin."""

    kind = "order-held"

    def __init__(self, application_id: str) -> None:
        super().__init__("somebody else is about to produce this order")
        self.application_id = application_id


class NotHeldError(OrderError):
    """The order does not wait for somebody to look what became of it before a restore."""

    kind = "order-not-held"

    def __init__(self, application_id: str) -> None:
        super().__init__("this order is not held since a restore")
        self.application_id = application_id


class NotReconciledError(OrderError):
    """The registry was restored: its card may have been made after the backup, and nobody has looked yet."""

    kind = "order-not-reconciled"

    def __init__(self, application_id: str) -> None:
        super().__init__("since the restore nobody has looked whether this order's card was made")
        self.application_id = application_id


class NotWaitingError(OrderError):
    """The order is not in the queue: its card is begun or made, or it is no order yet."""

    kind = "not-waiting"

    def __init__(self, state: str) -> None:
        super().__init__(f"an application that is {state} does not wait for a card")
        self.state = state


class UrgentQuotaError(OrderError):
    """The office has as many urgent orders waiting as it may have: `quota` of them."""

    kind = "urgent-quota"

    def __init__(self, quota: int) -> None:
        super().__init__(f"no more than {quota} of the orders that wait here may be urgent")
        self.quota = quota
