"""Handing a card over at a station: the whole of it as one act, the new PIN left where it is typed."""

from contextlib import closing

from cardio.station.delivery import read_identity
from issuance.delivery.checks import DELIVERERS
from issuance.delivery.matching import CardAnswer
from issuance.delivery.service import Deliveries
from issuance.operators.service import Actor
from issuance.production.connection import Job
from issuance.stations.hub import AllReaders, Hub


class Handovers:
    """All handovers of one registry at stations."""

    def __init__(self, deliveries: Deliveries, hub: Hub, readers: AllReaders) -> None:
        self._deliveries = deliveries
        self._hub = hub
        self._readers = readers

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
