"""How a simulated card can fail towards the program that runs it (a reader only ever sees status words)."""

from pathlib import Path


class CardSimulationError(Exception):
    """Base of every error of this package:

    CardSimulationError
    ├── CardFileError             something about the file that holds the card
    │   ├── CardFileMissingError  there is no such file, or it can't be read
    │   ├── CardFileExistsError   a card is already kept there
    │   ├── CardFileInUseError    another process runs this card
    │   └── CardFileCorruptError  not a card, damaged, or of a version unknown here
    ├── BlankError                a blank can't be made from these values
    ├── PowerCutError             an ordered power cut happened: the card is dark, the answer is lost
    ├── CardMuteError             an ordered silence: the card has power and doesn't answer
    └── ReaderFailureError        an ordered failure of the reader: the command never reached the card
    """


class CardFileError(CardSimulationError):
    """Something about the file at `path`."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path = path
        self.detail = detail


class CardFileMissingError(CardFileError):
    """There is no such file, or it can't be read."""


class CardFileExistsError(CardFileError):
    """A card is already kept there."""


class CardFileInUseError(CardFileError):
    """Another process (or another object of this one) runs this card."""


class CardFileCorruptError(CardFileError):
    """Not a card, damaged, or of a version unknown here. Nothing was changed."""


class BlankError(CardSimulationError):
    """A blank can't be made: `field` is the value that doesn't fit. The value itself is never told."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


class PowerCutError(CardSimulationError):
    """An ordered power cut happened after `writes` durable writes."""

    def __init__(self, writes: int) -> None:
        super().__init__(f"power cut after {writes} durable writes")
        self.writes = writes


class CardMuteError(CardSimulationError):
    """The card has power and doesn't answer, until it is reset."""

    def __init__(self) -> None:
        super().__init__("the card does not answer")


class ReaderFailureError(CardSimulationError):
    """The reader did not carry the command; the card knows nothing of it."""

    def __init__(self) -> None:
        super().__init__("the reader did not carry the command")
