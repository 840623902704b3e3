"""What possible duplicates stand in the way of."""

from issuance.errors import StateError


class MatchesUndecidedError(StateError):
    """`count` possible duplicates have to be judged before the application can be approved."""

    kind = "matches-undecided"

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} possible duplicates have to be judged first")
        self.count = count


class SamePersonError(StateError):
    """Somebody judged that the person has another national code: only a refusal is left."""

    kind = "same-person"

    def __init__(self) -> None:
        super().__init__("this person is known under another national code")
