"""What can go wrong with a station, beside what its readers and cards say of themselves."""

from issuance.errors import IssuanceError


class StationError(IssuanceError):
    """Base of:

    StationError
    ├── StationExistsError      there is one of that name
    ├── StationRevokedError     it was revoked, for good
    ├── StationCodeError        no such code, an expired one, or one that was used
    ├── StationCodeWaitError    too many wrong codes from there; carries the wait
    ├── StationNotAdmittedError whoever dials is no station of ours, or none any more
    ├── StationStatusError      whether a station may come can't be known now
    ├── HandoverError           the card could not be handed over at the station
    ├── NotSignedError          the card has signed nothing at the station
    └── HubStartError           the hub does not serve
    """

    kind = "station"


class StationExistsError(StationError):
    """There is a station of that name, or was."""

    kind = "station-exists"

    def __init__(self, station_id: str) -> None:
        super().__init__(f"station {station_id} exists already")
        self.station_id = station_id


class StationRevokedError(StationError):
    """It was revoked; another is added under another name."""

    kind = "station-revoked"

    def __init__(self, station_id: str) -> None:
        super().__init__(f"station {station_id} was revoked")
        self.station_id = station_id


class StationCodeError(StationError):
    """Which of the reasons it is, is not told."""

    kind = "station-code"

    def __init__(self) -> None:
        super().__init__("no such code, an expired one, or one that was used")


class StationCodeWaitError(StationError):
    """Too many wrong codes; `wait_s` whole seconds are left."""

    kind = "station-code-wait"

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many wrong codes; try again in {wait_s} seconds")
        self.wait_s = wait_s


class CountersBusyError(StationError):
    """As many people as there are places type a PIN, of this office or of all; `wait_s` is a guess."""

    kind = "counters-busy"
    wait_s = 30

    def __init__(self) -> None:
        super().__init__("all places for people at stations are taken; try again soon")


class StationNotAdmittedError(StationError):
    """Its certificate is none of an enrolled station, or isn't good now."""

    kind = "station-not-admitted"

    def __init__(self, detail: str) -> None:
        super().__init__(f"not admitted: {detail}")
        self.detail = detail


class StationStatusError(StationError):
    """Nothing is known, so nobody is admitted."""

    kind = "station-status"

    def __init__(self) -> None:
        super().__init__("whether this station may come can't be known now")


class HandoverError(StationError):
    """The holder typed no PIN, or the card refused; the card is as it was or waits for its holder again."""

    kind = "handover"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotSignedError(StationError):
    """The holder typed no PIN or a wrong one, the card refused, or the station what was to be signed."""

    kind = "not-signed"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class HubStartError(StationError):
    """The hub's thread does not serve; its log says why."""

    kind = "hub-start"

    def __init__(self) -> None:
        super().__init__("the hub for stations did not start")
