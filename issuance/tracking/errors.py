"""What is refused about tracking codes and slips."""

from datetime import datetime

from issuance.errors import IssuanceError


class TrackingError(IssuanceError):
    """Base of:

    TrackingError
    ├── StatusUnknownError       no application has this code and this birth date
    ├── StatusThrottledError     too many wrong tries; carries the wait
    └── SlipError                a slip proves nothing
        ├── SlipMalformedError   it can't be read
        ├── SlipKeyError         it names a key that was not given
        ├── SlipForgedError      the key did not sign this
        └── SlipExpiredError     it was good until a moment that is over
    """

    kind = "tracking"


class StatusUnknownError(TrackingError):
    """Code and birth date do not belong together, or there is no such code: which of them is not said."""

    kind = "status-unknown"

    def __init__(self) -> None:
        super().__init__("no application has this tracking code and this birth date")


class StatusThrottledError(TrackingError):
    """Too many wrong tries; `wait_s` whole seconds are left."""

    kind = "status-throttled"

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many wrong tries; try again in {wait_s} seconds")
        self.wait_s = wait_s


class SlipError(TrackingError):
    """A slip proves nothing."""

    kind = "slip"


class SlipMalformedError(SlipError):
    """No slip of ours; `fault` says why."""

    kind = "slip-malformed"

    def __init__(self, fault: str) -> None:
        super().__init__(f"this is no slip: {fault}")
        self.fault = fault


class SlipKeyError(SlipError):
    """Signed by a key that is not among those given; `key_id` in hexadecimal digits."""

    kind = "slip-key"

    def __init__(self, key_id: str) -> None:
        super().__init__(f"the slip names a key that is not known: {key_id}")
        self.key_id = key_id


class SlipForgedError(SlipError):
    """Changed, or made by somebody else."""

    kind = "slip-forged"

    def __init__(self) -> None:
        super().__init__("the signature does not hold: the slip was changed, or is not of this registry")


class SlipExpiredError(SlipError):
    """It was good until `until`, and that is over."""

    kind = "slip-expired"

    def __init__(self, until: datetime) -> None:
        super().__init__(f"the slip was good until {until.isoformat()}")
        self.until = until
