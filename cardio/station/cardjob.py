"""One job at a card: what the hub asks is done here, as far as a station does it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from cardio.apdu import SW
from cardio.channel import KNOWN_EXTENDED_APDUS
from cardio.errors import CardError
from cardio.piv.session import PivSession
from cardio.processors import ApduFormatter
from cardio.station.delivery import Handover, accept, accept_at_pad
from cardio.station.errors import RefusedCommandError, WrongCardError
from cardio.station.failures import failure_of
from cardio.station.pinguard import PinGuard
from cardio.station.proofs import SLOTS, Proofs
from cardio.station.wire import (
    MAX_ANSWER_BYTES,
    Accept,
    Answered,
    Open,
    Opened,
    Prove,
    Request,
    Reset,
    Send,
    Signed,
)
from cardio.transport.base import CardConnection, TransportError
from cardio.transport.pinpad import PinPad

_LONGEST_ANSWER = MAX_ANSWER_BYTES // 2


class PinEntry(Protocol):
    """How the holder of a card is asked for their PIN at the station."""

    def at_pad(self, card: str) -> None:
        """Says that it is typed at the reader."""
        ...

    def ask(self, card: str) -> str:
        """Has it typed at the station itself. Raises PinEntryError."""
        ...

    def known_at_pad(self, card: str, what: str) -> None:
        """Says that the PIN that the card has is typed at the reader, and what is signed then."""
        ...

    def ask_known(self, card: str, what: str) -> str:
        """Has the PIN that the card has typed at the station, for this to be signed. Raises PinEntryError."""
        ...


class CardJob:
    """A powered card that belongs to one job until it is closed.

    Nothing raised here leaves the station but as a `Failure`. After a failure of the transport every later
    request fails too: the job is over and is closed by the hub.
    """

    def __init__(self, order: Open, connection: CardConnection, pins: PinEntry) -> None:
        self._order = order
        self._connection = connection
        self._pins = pins
        self._proofs = Proofs(order.card, connection, pins)
        self._guard = PinGuard()
        self._formatter = ApduFormatter(connection, KNOWN_EXTENDED_APDUS)

    def opened(self) -> Opened:
        """Says which card this is.

        Raises WrongCardError for another than the order's, or a TransportError.
        """
        found = card_number(self._connection)
        if self._order.card is not None and found != self._order.card:
            raise WrongCardError(self._order.card, found or "without a number")
        return Opened(job=self._order.job, atr=self._connection.atr, card=found)

    def perform(self, request: Request) -> Answered | Signed:
        """Carries a request out."""
        try:
            if isinstance(request, Accept):
                return self._accept(request)
            if isinstance(request, Prove):
                return self._prove(request)
            if isinstance(request, Reset):
                self._guard.reset()
                self._connection.reset()
                return Answered(job=request.job, number=request.number, answers=(), failure=None)
        except CardError as error:
            return Answered(job=request.job, number=request.number, answers=(), failure=failure_of(error))
        return self._send(request)

    def _send(self, request: Send) -> Answered:
        answers: list[bytes] = []
        failure = None
        for encoded in request.commands:
            try:
                answers.append(self._exchange(encoded))
            except CardError as error:
                failure = failure_of(error)
                break
            enough = sum(map(len, answers)) > _LONGEST_ANSWER
            if enough or not answers[-1].endswith(_SUCCESS):
                break
        return Answered(job=request.job, number=request.number, answers=tuple(answers), failure=failure)

    def _exchange(self, encoded: bytes) -> bytes:
        command = self._guard.check(encoded)
        response = self._formatter.exchange(command)
        self._guard.saw(command, response.sw)
        return response.encode()

    def _accept(self, request: Accept) -> Signed:
        if self._order.card is None:
            raise RefusedCommandError("a PIN for a card that was not named")
        card = self._order.card
        handover = Handover(request.transport_pin, request.challenge)
        with self._alone():
            pad = PinPad.find(self._connection)
            if pad is None:
                signature = accept(self._connection, handover, self._pins.ask(card))
            else:
                self._pins.at_pad(card)
                signature = accept_at_pad(self._connection, handover, pad)
        return Signed(job=request.job, number=request.number, signature=signature)

    def _prove(self, request: Prove) -> Signed:
        with self._alone():
            signature = self._proofs.sign(SLOTS[request.slot], request.content)
        return Signed(job=request.job, number=request.number, signature=signature)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A conversation in clear in which nobody takes part but station and card.

        What follows it finds no verified PIN: the hub could have the card sign anything else.
        """
        self._guard.reset()
        self._connection.reset()
        try:
            yield
        finally:
            self._connection.reset()


_SUCCESS = SW.NO_FURTHER_QUALIFICATION.to_bytes(2, "big")


def card_number(connection: CardConnection) -> str | None:
    """The card's own number, ten digits; None for a card that tells none. Raises TransportError."""
    try:
        return f"{PivSession(connection).card_serial():010d}"
    except TransportError:
        raise
    except CardError:
        return None
