"""What is refused about decrees."""

from issuance.errors import IssuanceError


class DecreeError(IssuanceError):
    """Base of:

    DecreeError
    ├── DecreeExistsError     another proposal has this number
    ├── DecreeDecidedError    it was decided on already
    └── OwnDecreeError        nobody decides on what they proposed
    """

    kind = "decree"


class DecreeExistsError(DecreeError):
    """There is a decree of this number."""

    kind = "decree-exists"

    def __init__(self, number: str) -> None:
        super().__init__(f"decree {number} was proposed already")
        self.number = number


class DecreeDecidedError(DecreeError):
    """`state` says how."""

    kind = "decree-decided"

    def __init__(self, state: str) -> None:
        super().__init__(f"this decree is {state} already")
        self.state = state


class OwnDecreeError(DecreeError):
    """Two people: who has read the decree, and who has read what was proposed of it."""

    kind = "own-decree"

    def __init__(self) -> None:
        super().__init__("somebody else decides on what you have proposed")
