"""What the card tells about its own work, for whoever models its time or counts its writes."""

from enum import StrEnum, unique
from typing import Protocol, TypeAlias

from simulators.card.piv.identifiers import Algorithm


@unique
class KeyOperation(StrEnum):
    """Work with an asymmetric key."""

    GENERATE = "generate"
    PRIVATE = "private"
    """A signature, or RSA decryption."""
    AGREE = "agree"


Work: TypeAlias = tuple[KeyOperation, Algorithm]


class Meter(Protocol):
    """Is told of each piece of work when it begins, in the thread that runs the card."""

    def works(self, work: Work) -> None:
        """An operation with a key."""

    def writes(self) -> None:
        """A durable write."""


class NoMeter:
    """Nobody looks."""

    def works(self, work: Work) -> None:
        """Nothing."""

    def writes(self) -> None:
        """Nothing."""
