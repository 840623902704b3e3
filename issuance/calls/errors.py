"""What a caller may hear."""

from issuance.errors import IssuanceError


class CallError(IssuanceError):
    """Base of:

    CallError
    ├── CallRefusedError   code, birth date and phrase are not those of one card in use
    └── CallLockedError    the phrase was tried too often, or was heard before
    """

    kind = "call"


class CallRefusedError(CallError):
    """Which of them is wrong is not said, nor whether there is such a person."""

    kind = "call-refused"

    def __init__(self) -> None:
        super().__init__("national code, birth date and pass phrase are not those of one card in use")


class CallLockedError(CallError):
    """No phrase stops this card by telephone; its holder comes in person, or an office suspends it."""

    kind = "call-locked"

    def __init__(self) -> None:
        super().__init__("this card can't be stopped by a pass phrase until another is agreed in person")
