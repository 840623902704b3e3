"""New SCP03 keys for an issued card, in two recorded phases.

The next version is recorded as pending before the card is touched: whatever is torn, the card has either the
keys of the recorded version or those of the pending one. Rotating again finishes what was torn.
"""

from contextlib import closing

from sqlalchemy.orm import Session

from cardio.globalplatform.keys import MAX_VERSION, KeySet
from cardio.globalplatform.session import IssuerSecurityDomain
from cardio.piv.session import PivSession
from issuance.errors import ForbiddenTransitionError
from issuance.lifecycle.cards import card_number, get_card
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import CardState
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production import personalisation
from issuance.production.cardsecrets import issuer_channel_keys
from issuance.production.connection import Job, Readers, connect_for
from issuance.production.errors import KeyVersionsUsedUpError, OvertakenError, UnknownKeysError
from issuance.production.work import Workshop
from pki.keys.masterkeys import MasterKey

_ISSUED = frozenset({CardState.PRODUCED, CardState.ACTIVE, CardState.SUSPENDED})


def recorded_keys(master_key: MasterKey, card: Card) -> tuple[KeySet, ...]:
    """The channel keys that the card may have: pending ones first, then those of the last rotation."""
    versions = (card.pending_channel_version, card.channel_version)
    serial = int(card.card_number)
    return tuple(
        issuer_channel_keys(master_key, serial, version) for version in versions if version is not None
    )


class ChannelKeys:
    """Every rotation of one registry."""

    def __init__(self, shop: Workshop, readers: Readers) -> None:
        self._shop = shop
        self._readers = readers

    def rotate(self, actor: Actor, reader: str) -> int:
        """Gives the card in the reader its next channel keys, or finishes a torn rotation; their version.

        Raises NotFoundError, ForbiddenTransitionError, UnknownKeysError, KeyVersionsUsedUpError,
        OvertakenError, a CardError or a TransportError.
        """
        actor.require(Role.CLERK, Role.SUPERVISOR)
        with (
            closing(connect_for(self._readers, reader, Job(actor.username))) as connection,
            connection.exclusive(),
        ):
            number = card_number(PivSession(connection).card_serial())
            new, old = self._announce(actor, number)
            self._replace(IssuerSecurityDomain(connection), number, new, old)
            self._record(actor, number, new.version)
        return new.version

    def _announce(self, actor: Actor, number: str) -> tuple[KeySet, ...]:
        with self._shop.database.writing() as session:
            card = get_card(session, number)
            if card.state not in _ISSUED:
                raise ForbiddenTransitionError("card", card.state, "rotate")
            if card.pending_channel_version is None:
                if card.channel_version >= MAX_VERSION:
                    raise KeyVersionsUsedUpError(number)
                card.pending_channel_version = card.channel_version + 1
                self._audit(session, actor, card, "begun", card.pending_channel_version)
            return recorded_keys(self._shop.master_keys["card"], card)

    @staticmethod
    def _replace(domain: IssuerSecurityDomain, number: str, new: KeySet, old: KeySet) -> None:
        found = domain.first_recognised((new, old))
        if found is None:
            raise UnknownKeysError(number)
        domain.authenticate(found, personalisation.CHANNEL_LEVEL)
        if found == old:
            personalisation.rotate_channel_keys(domain, new, replaced=old.version)

    def _record(self, actor: Actor, number: str, version: int) -> None:
        with self._shop.database.writing() as session:
            card = get_card(session, number)
            session.refresh(card, with_for_update=True)
            if card.pending_channel_version != version:
                raise OvertakenError(number, "rotation")
            card.channel_version, card.pending_channel_version = version, None
            self._audit(session, actor, card, "finished", version)

    def _audit(self, session: Session, actor: Actor, card: Card, what: str, version: int) -> None:
        subject, details = f"card:{card.card_number}", {"version": version}
        self._shop.audit.record(session, actor.username, f"rotation.{what}", subject, details)
