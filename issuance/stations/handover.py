"""Handing a card over at a station: the whole of it as one act, the new PIN left where it is typed."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

from cardio.station.delivery import read_identity
from issuance.delivery.checks import DELIVERERS
from issuance.delivery.matching import CardAnswer
from issuance.delivery.service import Deliveries
from issuance.operators.service import Actor
from issuance.production.connection import Job
from issuance.stations.hub import AllReaders, Hub

_AT_ONCE = 32
"""Each holds a thread for as long as somebody thinks of a PIN."""


class Handovers:
    """All handovers of one registry at stations."""

    def __init__(self, deliveries: Deliveries, hub: Hub, readers: AllReaders) -> None:
        self._deliveries = deliveries
        self._hub = hub
        self._readers = readers
        self._pool = ThreadPoolExecutor(_AT_ONCE, "handover")

    def hand_over(self, actor: Actor, card_number: str, reader: str) -> None:
        """Opens a delivery, has the card's holder set a PIN at the station, and completes it.

        Raises what `Deliveries` raises; NotFoundError for another office's reader; HandoverError,
        WrongCardError, a CardError or a TransportError. What was torn is done by the same again.
        """
        actor.require(*DELIVERERS)
        self._readers.require_at(actor.office, reader)
        opened = self._deliveries.open(actor, card_number)
        job = Job(actor.username, opened.card_number)
        with closing(self._hub.connect(reader, job)) as connection:
            identity = read_identity(connection)
        signature = self._hub.hand_over(reader, job, opened.transport_pin, opened.challenge)
        answer = CardAnswer(signature, identity.chuid, identity.certificate)
        self._deliveries.complete(actor, opened.delivery_id, answer)

    def begin(self, actor: Actor, card_number: str, reader: str) -> "Future[None]":
        """As `hand_over`, on a thread of its own."""
        return self._pool.submit(self.hand_over, actor, card_number, reader)

    def close(self) -> None:
        """Waits for those at work; none of the others begins."""
        self._pool.shutdown(wait=True, cancel_futures=True)
