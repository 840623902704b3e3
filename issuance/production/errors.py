"""What can go wrong at personalisation, beside what the card and the authority say of themselves."""

import re

from issuance.errors import IssuanceError


class ProductionError(IssuanceError):
    """Base of:

    ProductionError
    ├── ReaderInUseError        another run of this process uses the reader
    ├── ProductionRunningError  the application's run is still at work
    ├── NothingToVoidError      the run or renewal has ended already
    ├── UnknownKeysError        the card has none of the keys that were recorded for it
    ├── CardExpiredError        nothing is certified beyond the date on the card
    ├── OvertakenError          somebody else went on with the same renewal or rotation
    ├── RunOvertakenError       another process resumed or voided this run
    ├── KeyVersionsUsedUpError  the card had every version of channel keys that there is
    └── RunFailure              ends or interrupts a run
        ├── NotABlankError      the factory's key does not open this body
        ├── BodyUsedError       this body was taken before
        ├── BodyNotInStockError it is not in this office's stock, or kept for another order
        ├── WrongCardError      another body than the one this run began with
        └── ReadBackError       what was read is not what was written
    """

    kind = "production"


class ReaderInUseError(ProductionError):
    """Another run uses the reader."""

    kind = "reader-in-use"

    def __init__(self, reader: str) -> None:
        super().__init__(f"{reader}: another card is being produced there")
        self.reader = reader


class ProductionRunningError(ProductionError):
    """The application's run is still at work, here or in another process."""

    kind = "production-running"

    def __init__(self, production_id: str) -> None:
        super().__init__("a run for this application is still at work")
        self.production_id = production_id


class NothingToVoidError(ProductionError):
    """The run or renewal has ended already."""

    kind = "nothing-to-void"

    def __init__(self, state: str, what: str = "run") -> None:
        super().__init__(f"the {what} is {state}")
        self.state = state
        self.what = what


class UnknownKeysError(ProductionError):
    """The card opens with none of the channel keys, old or pending, that were recorded for it."""

    kind = "unknown-keys"

    def __init__(self, card_number: str) -> None:
        super().__init__(f"card {card_number} has none of the channel keys that were recorded for it")
        self.card_number = card_number


class CardExpiredError(ProductionError):
    """The date on the card has passed: its holder needs another card, not another certificate."""

    kind = "card-expired"

    def __init__(self, card_number: str) -> None:
        super().__init__(f"card {card_number} has expired")
        self.card_number = card_number


class RunOvertakenError(ProductionError):
    """Another process resumed or voided the run while this one was at work on it; what it recorded stands."""

    kind = "run-overtaken"

    def __init__(self, production_id: str) -> None:
        super().__init__("another process went on with this run")
        self.production_id = production_id


class OvertakenError(ProductionError):
    """Somebody else went on with the same renewal or rotation meanwhile; what they recorded stands."""

    kind = "overtaken"

    def __init__(self, card_number: str, what: str) -> None:
        super().__init__(f"somebody else went on with this {what} of card {card_number}")
        self.card_number = card_number
        self.what = what


class KeyVersionsUsedUpError(ProductionError):
    """The card had every version of channel keys that there is; an old one would bring its old keys back."""

    kind = "key-versions-used-up"

    def __init__(self, card_number: str) -> None:
        super().__init__(f"card {card_number} had every version of channel keys that there is")
        self.card_number = card_number


class RunFailure(ProductionError):  # noqa: N818 - names an outcome; its members are the errors
    """Ends or interrupts a run."""

    kind = "run-failure"


class NotABlankError(RunFailure):
    """The factory's key does not open this body: it is not ours, or was personalised already."""

    kind = "not-a-blank"

    def __init__(self, card_number: str) -> None:
        super().__init__(f"card {card_number} is not a blank of our manufacturer")
        self.card_number = card_number


class BodyUsedError(RunFailure):
    """This body was taken before; a body serves once."""

    kind = "body-used"

    def __init__(self, card_number: str) -> None:
        super().__init__(f"card {card_number} was used before")
        self.card_number = card_number


class BodyNotInStockError(RunFailure):
    """The body is not in the stock of the order's office, or is kept for another; `obstacle` says which."""

    kind = "body-not-in-stock"

    def __init__(self, card_number: str, obstacle: str) -> None:
        super().__init__(f"body {card_number} can't be used here: {obstacle}")
        self.card_number = card_number
        self.obstacle = obstacle


class WrongCardError(RunFailure):
    """Another body than the one this run began with; nothing was written to it."""

    kind = "wrong-card"

    def __init__(self, expected: str, found: str | None) -> None:
        what = "another" if found is None else f"card {found}"
        super().__init__(f"this run began with card {expected}; {what} is in the reader")
        self.expected = expected
        self.found = found


class ReadBackError(RunFailure):
    """What was read from the card is not what was written; `what` names it."""

    kind = "read-back"

    def __init__(self, what: str) -> None:
        super().__init__(f"the card gives back another {what} than was written")
        self.what = what


def failure_kind(error: Exception) -> str:
    """The stable name of any failure: its own kind, or its class's name in words joined by hyphens."""
    if isinstance(error, IssuanceError):
        return error.kind
    name = type(error).__name__.removesuffix("Error")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
