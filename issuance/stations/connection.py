"""A card in a station's reader, as production sees it."""

from collections.abc import Sequence

from cardio.errors import UnexpectedAnswerError
from cardio.piv.slots import Slot
from cardio.station.wire import (
    MAX_BATCH,
    MAX_COMMAND_BYTES,
    Answered,
    KeySlot,
    Prove,
    Refused,
    Reset,
    Send,
    Signed,
)
from cardio.transport.base import CardRemovedError
from issuance.provenance.recording import slot_name
from issuance.stations.errors import NotSignedError
from issuance.stations.failures import failure_at
from issuance.stations.line import Line
from issuance.stations.protocol import MakeRequest, Reply

ANSWER_SECONDS = 50.0
"""Longer than a card takes for an RSA key, shorter than a run's lease."""

PIN_SECONDS = 180.0
"""As long as somebody needs to type one."""


class StationConnection:
    """A `BatchConnection` through a station: one job, which ends with the station's line at the latest."""

    def __init__(self, line: Line, name: str, job: str, atr: bytes) -> None:
        self._line = line
        self._name = name
        self.job = job
        self._atr = atr
        self._later: Exception | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """`station/reader`."""
        return self._name

    @property
    def atr(self) -> bytes:
        """The answer to reset."""
        return self._atr

    @property
    def max_batch(self) -> int:
        """How many commands travel together."""
        return MAX_BATCH

    def transmit(self, command: bytes) -> bytes:
        """Sends one command APDU; an answer announced by 61xx comes whole."""
        return self.transmit_all((command,))[0]

    def transmit_all(self, commands: Sequence[bytes]) -> Sequence[bytes]:
        """See `BatchConnection`; as many as one message carries."""
        if self._later is not None:
            raise self._later
        together = _that_fit(commands)
        reply = self.ask(lambda number: Send(job=self.job, number=number, commands=together), ANSWER_SECONDS)
        if not isinstance(reply, Answered):
            raise self._failed(reply)
        if reply.failure is not None:
            self._later = failure_at(self._name, reply.failure)
            if not reply.answers:
                raise self._later
        return reply.answers

    def reset(self) -> None:
        """Warm-resets the card."""
        reply = self.ask(lambda number: Reset(job=self.job, number=number), ANSWER_SECONDS)
        if not isinstance(reply, Answered):
            raise self._failed(reply)
        if reply.failure is not None:
            raise failure_at(self._name, reply.failure)

    def close(self) -> None:
        """Ends the job; the station resets the card. Closing twice is allowed."""
        if not self._closed:
            self._closed = True
            self._line.close(self.job)

    def prove(self, slot: Slot, content: bytes) -> bytes:
        """Has the holder type their PIN at the station, for the slot's signature of a certification request.

        The card is reset before and after. Raises NotSignedError or a TransportError.
        """
        key = KeySlot(slot_name(slot))
        reply = self.ask(
            lambda number: Prove(job=self.job, number=number, slot=key, content=content), PIN_SECONDS
        )
        if not isinstance(reply, Signed):
            failure = getattr(reply, "failure", None)
            raise NotSignedError("the station gave no signature" if failure is None else failure.detail)
        return reply.signature

    def ask(self, make: MakeRequest, within_s: float) -> Reply:
        """One request of this job. Raises a TransportError."""
        if self._closed:
            raise CardRemovedError(self._name, "the connection is closed")
        return self._line.ask(self.job, make, within_s)

    def _failed(self, reply: Reply) -> Exception:
        if isinstance(reply, Refused):
            return failure_at(self._name, reply.failure)
        return UnexpectedAnswerError("the station answered something else")


def _that_fit(commands: Sequence[bytes]) -> tuple[bytes, ...]:
    """As many of the first commands as one message carries; at least one."""
    together: list[bytes] = []
    size = 0
    for command in commands[:MAX_BATCH]:
        size += len(command)
        if together and size > MAX_COMMAND_BYTES:
            break
        together.append(command)
    return tuple(together)
