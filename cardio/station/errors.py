"""What can go wrong between a station and the registry."""

from cardio.errors import CardError


class StationError(CardError):
    """Base of:

    StationError
    ├── WireError               a frame that is no message of this protocol, or beyond its bounds
    ├── ProtocolError           a message that may not come now, or not from this side
    ├── RefusedCommandError     a command that no station sends to a card
    ├── WrongCardError          another card than the job's lies in the reader
    ├── StationIdentityError    the station's folder can't be used, or there is none
    ├── EnrolmentError          the registry did not take the station in
    └── HubError                the hub can't be reached, is not trusted, or refuses
    """


class WireError(StationError):
    """Not a message. What was in it is not told."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"not a message: {detail}")
        self.detail = detail


class ProtocolError(StationError):
    """Not a message that may come now."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"not in this order: {detail}")
        self.detail = detail


class RefusedCommandError(StationError):
    """The station sent nothing: such a command is none of the registry's business. Its data are not told."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"refused at the station: {detail}")
        self.detail = detail


class WrongCardError(StationError):
    """Nothing was sent to it."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"card {expected} is needed; card {found} is in the reader")
        self.expected = expected
        self.found = found


class StationIdentityError(StationError):
    """The station's folder can't be used."""

    def __init__(self, folder: str, detail: str) -> None:
        super().__init__(f"{folder}: {detail}")
        self.folder = folder
        self.detail = detail


class EnrolmentError(StationError):
    """The registry did not take the station in."""

    def __init__(self, server: str, detail: str) -> None:
        super().__init__(f"{server}: {detail}")
        self.server = server
        self.detail = detail


class HubError(StationError):
    """The hub can't be reached, or one of both doesn't trust the other."""

    def __init__(self, server: str, detail: str, *, final: bool = False) -> None:
        super().__init__(f"{server}: {detail}")
        self.server = server
        self.detail = detail
        self.final = final
        """Whether trying again is of no use."""
