"""Command chaining (ISO/IEC 7816-4 clause 5.3.3): parts are staged in RAM until the last one comes."""

from dataclasses import replace

from simulators.card.iso7816 import SW, Command, StatusError


class CommandChain:
    """The chain under way, if any; never more than `max_length` bytes of data."""

    def __init__(self, max_length: int) -> None:
        self._max_length = max_length
        self._first: Command | None = None
        self._staged = bytearray()

    def is_continued_by(self, command: Command) -> bool:
        """Whether a chain is under way and this command belongs to it."""
        return self._first is not None and self._first.has_header_of(command)

    def abort(self) -> None:
        """Drops everything staged."""
        self._first = None
        self._staged.clear()

    def add(self, command: Command) -> Command | None:
        """Takes the next part; returns the whole command with the last one, None before.

        :raises StatusError: 6A84, too much data; the chain is dropped
        """
        if not self._staged and not command.is_chained and len(command.data) <= self._max_length:
            self._first = None
            return command
        if len(self._staged) + len(command.data) > self._max_length:
            self.abort()
            raise StatusError(SW.NOT_ENOUGH_MEMORY)
        self._staged += command.data
        if command.is_chained:
            self._first = command
            return None
        whole = replace(command, data=bytes(self._staged))
        self.abort()
        return whole
