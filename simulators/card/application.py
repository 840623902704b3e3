"""What the card needs of an application that can be selected."""

from typing import Protocol

from simulators.card.iso7816 import Command


class Application(Protocol):
    """One application, from its selection to the next reset or selection of another."""

    @property
    def aid(self) -> bytes:
        """The whole application identifier."""
        ...

    @property
    def selection_answer(self) -> bytes:
        """What SELECT answers (file control information)."""
        ...

    def is_named_by(self, aid: bytes) -> bool:
        """Whether this AID, whole or right-truncated, names the application."""
        ...

    def begin_command(self) -> None:
        """Any new command arrived, whatever becomes of it."""

    def channel_ended(self) -> None:
        """The secure channel is over, for whatever reason."""

    def knows(self, command: Command) -> bool:
        """Whether this instruction exists here."""
        ...

    def takes_class_of(self, command: Command) -> bool:
        """Whether the application answers to this class of commands, interindustry or proprietary."""
        ...

    def chains(self, ins: int) -> bool:
        """Whether this instruction's data may come in a chain."""
        ...

    def process(self, command: Command) -> bytes:
        """The answer's data to a complete command.

        :raises StatusError: any status word but 9000
        """
        ...
