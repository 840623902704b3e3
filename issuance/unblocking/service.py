"""Unblocking a card in a station's reader.

Through the card's secure channel, which neither station nor network can read, the issuer's PUK sets the PIN
to a random one; then the holder replaces that at the station, as at the delivery, and the card shows by its
signature that it was done. Not to the card's transport PIN: whoever handed the card over was told that. A
torn unblocking leaves a PIN that nobody knows, not the issuer either; the same again sets another.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from cardio.globalplatform.keys import KeySet
from cardio.piv.session import PivSession
from cardio.station.delivery import read_identity
from issuance.delivery.errors import IdentityUncheckedError
from issuance.delivery.matching import CardAnswer, Expected, MatchFault, mismatch
from issuance.delivery.models import IdentityCheck
from issuance.delivery.presence import finished_by, good_check
from issuance.delivery.rules import DeliveryRules
from issuance.enrolment.confirmation import Confirmation
from issuance.errors import ForbiddenTransitionError
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import CardState
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production import personalisation
from issuance.production.cardsecrets import PIN_DIGITS, IssuerSecrets, issuer_secrets
from issuance.production.channelkeys import recorded_keys
from issuance.production.connection import Job, Readers, connect_for, require_at
from issuance.production.errors import UnknownKeysError
from issuance.production.models import Renewal
from issuance.production.renewalsteps import open_on
from issuance.production.work import CHALLENGE_BYTES, Workshop
from issuance.unblocking.errors import LoginKeyNotCertifiedError, UnblockingProofError
from pki.profiles import Profile

_DIGIT_SOURCE_BYTES = 16  # no digit is likelier than another by 2^-100

HandOver = Callable[[str, Job, str, bytes], bytes]
"""Reader, job, PIN to be replaced, challenge → the card's signature (`stations.hub.Hub.hand_over`)."""


@dataclass(frozen=True)
class _Blocked:
    """The card and what opens it."""

    number: str
    check_id: str
    channel_keys: tuple[KeySet, ...] = field(repr=False)
    expected: Expected = field(repr=False)
    secrets: IssuerSecrets = field(repr=False)


class Unblocking:
    """All unblockings of one registry."""

    def __init__(
        self,
        shop: Workshop,
        readers: Readers,
        hand_over: HandOver,
        confirmation: Confirmation,
        rules: DeliveryRules,
    ) -> None:
        self._shop = shop
        self._readers = readers
        self._hand_over = hand_over
        self._confirmation = confirmation
        self._rules = rules

    def unblock(self, actor: Actor, number: str, reader: str) -> None:
        """Lets the holder of the card in the station's reader set a PIN; the same operator just checked them.

        Raises NotFoundError (for another office's reader, too), ForbiddenTransitionError unless the card is
        active, IdentityUncheckedError, DeceasedError, RecordChangedError,
        CivilRegisterUnavailableError, LoginKeyNotCertifiedError, UnknownKeysError,
        UnblockingProofError, HandoverError, WrongCardError, a CardError or a TransportError.
        """
        actor.require(Role.CLERK, Role.SUPERVISOR)
        require_at(self._readers, actor.office, reader)
        with self._shop.database.reading() as session:
            check = self._checked(session, actor, number)
        self._confirmation.require(actor.username, check.application_id, self._rules.register_age)
        job = Job(actor.username, check.card_number)
        with closing(connect_for(self._readers, reader, job)) as connection, connection.exclusive():
            # Once the card is ours alone: what used the check up meanwhile is finished and told by now.
            blocked = self._begin(actor, number)
            identity = read_identity(connection)
            piv = PivSession(connection, self._shop.links.policy(connection))
            if personalisation.first_channel(piv, blocked.channel_keys) is None:
                raise UnknownKeysError(blocked.number)
            passing = self._passing_pin()
            piv.unblock_pin(blocked.secrets.puk, passing)
        challenge = self._shop.randomness(CHALLENGE_BYTES)
        signature = self._hand_over(reader, job, passing, challenge)
        answer = CardAnswer(signature, identity.chuid, identity.certificate)
        fault = mismatch(blocked.expected, answer, challenge)
        self._finish(actor, blocked, fault)
        if fault is not None:
            raise UnblockingProofError(fault)

    def _passing_pin(self) -> str:
        """For the moment until the holder has set their own; kept nowhere."""
        number = int.from_bytes(self._shop.randomness(_DIGIT_SOURCE_BYTES), "big")
        return f"{number % 10**PIN_DIGITS:0{PIN_DIGITS}d}"

    def _begin(self, actor: Actor, number: str) -> _Blocked:
        master_key = self._shop.master_keys["card"]
        with self._shop.database.writing() as session:
            check = self._checked(session, actor, number)
            card = get_card(session, number)
            self._record(session, actor, card.card_number, "begun", {"check": check.id})
            return _Blocked(
                card.card_number,
                check.id,
                recorded_keys(master_key, card),
                _expected(session, card),
                issuer_secrets(master_key, int(card.card_number)),
            )

    def _checked(self, session: Session, actor: Actor, number: str) -> IdentityCheck:
        card = get_card(session, number)
        if card.state != CardState.ACTIVE:
            raise ForbiddenTransitionError("card", card.state, "unblock")
        check = good_check(session, actor, card.card_number, self._shop.clock() - self._rules.check_life)
        if finished_by(session, check) is not None:
            raise IdentityUncheckedError
        return check

    def _finish(self, actor: Actor, blocked: _Blocked, fault: MatchFault | None) -> None:
        details = {"check": blocked.check_id} if fault is None else {"fault": fault.value}
        with self._shop.database.writing() as session:
            what = "finished" if fault is None else "refused"
            self._record(session, actor, blocked.number, what, details)

    def _record(
        self, session: Session, actor: Actor, number: str, what: str, details: dict[str, str]
    ) -> None:
        subject = f"card:{number}"
        self._shop.audit.record(session, actor.username, f"unblocking.{what}", subject, {**details})


def _expected(session: Session, card: Card) -> Expected:
    """Of the card as it is now. A key that is being renewed has none, or one that may not be written yet."""
    ders = [row.der for row in card.certificates_in_force if row.profile == Profile.AUTHENTICATION.value]
    torn = open_on(card.card_number).where(Renewal.profile == Profile.AUTHENTICATION.value)
    if len(ders) != 1 or any(renewal.csr is not None for renewal in session.scalars(torn)):
        raise LoginKeyNotCertifiedError
    return Expected(card.guid, ders[0], card.national_code)
