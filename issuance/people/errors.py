"""Why a person's data can't be erased."""

from datetime import date

from issuance.errors import AccessError, StateError


class NotErasableError(StateError):
    """Something of theirs is alive: a card, an application, or a time for which the law wants records."""

    kind = "not-erasable"

    def __init__(self, why: str, until: date | None = None) -> None:
        super().__init__(f"not erasable: {why}")
        self.why = why
        self.until = until


class ErasedAlreadyError(StateError):
    """The erasure is done, or there is another under way for this person."""

    kind = "erased-already"

    def __init__(self) -> None:
        super().__init__("this erasure is done, or another one waits for this person")


class OwnErasureError(AccessError):
    """Nobody erases alone: somebody else than who asked for it confirms it."""

    kind = "own-erasure"

    def __init__(self) -> None:
        super().__init__("somebody else than who asked for the erasure has to confirm it")
