"""What can go wrong between a simulated card and a reader."""


class ReaderSimulationError(Exception):
    """Base of every error of this package:

    ReaderSimulationError
    ├── SlotBusyError          another process keeps a card in that slot
    ├── SlotUnavailableError   nothing listens there: no pcscd with the virtual reader
    ├── CardNotSeenError       the PC/SC service did not notice the card in time
    └── PcscdUnavailableError  no PC/SC service runs, and none could be started
    """


class _SlotError(ReaderSimulationError):
    """Something about the slot at `host`:`port`."""

    def __init__(self, host: str, port: int, detail: str) -> None:
        super().__init__(f"virtual reader slot {host}:{port}: {detail}")
        self.host = host
        self.port = port
        self.detail = detail


class SlotBusyError(_SlotError):
    """Another process keeps a card in that slot."""


class SlotUnavailableError(_SlotError):
    """Nothing listens there."""


class CardNotSeenError(ReaderSimulationError):
    """The PC/SC service did not notice within `timeout_s` seconds that the card came or went."""

    def __init__(self, reader: str, timeout_s: float) -> None:
        super().__init__(f"{reader}: the PC/SC service noticed nothing within {timeout_s:g} s")
        self.reader = reader
        self.timeout_s = timeout_s


class PcscdUnavailableError(ReaderSimulationError):
    """No PC/SC service runs, and none could be started: `cause` says why."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"no PC/SC service: {cause}")
        self.cause = cause
