"""What is wrong with a look at a person's record."""

from collections.abc import Sequence

from issuance.errors import InvalidInputError


class PurposeMissingError(InvalidInputError):
    """Nobody said why; `purposes` names what can be said."""

    kind = "purpose-missing"

    def __init__(self, purposes: Sequence[str]) -> None:
        super().__init__(f"say why, in Hoviat-Purpose: {', '.join(purposes)}")
        self.purposes = tuple(purposes)


class PurposeError(InvalidInputError):
    """What was said is no purpose; it is not repeated."""

    kind = "purpose-invalid"

    def __init__(self, fault: str) -> None:
        super().__init__(f"the purpose can't be taken: {fault}")
        self.fault = fault
