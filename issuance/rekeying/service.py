"""A new key and certificate for a card in a station's reader (docs/adr/0047).

As `issuance.production.renewal`, by the same journal; but the holder's PIN is typed at the station and stays
there. What needs it, a signature of the card, the station asks the card for by itself. So before anything is
lost the card signs with the key that it has, which shows that its holder is there with the PIN; then the new
key is made through the secure channel, and signs its certification request. The station keeps the card for
the job from the signature to the certificate's reading back: what was signed for is what is in the slot.
"""

from collections.abc import Callable
from contextlib import closing

from cryptography import x509
from sqlalchemy.orm import Session

from cardio.errors import UnexpectedAnswerError
from cardio.piv.session import PivSession
from cardio.piv.slots import PublicKey
from cardio.station.requestinfo import RequestInfo
from issuance.delivery.errors import IdentityUncheckedError
from issuance.delivery.models import IdentityCheck
from issuance.delivery.presence import finished_by, good_check
from issuance.delivery.rules import DeliveryRules
from issuance.enrolment.confirmation import Confirmation
from issuance.errors import ForbiddenTransitionError, NotFoundError
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.states import CardState
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production.connection import Job, Readers, require_at
from issuance.production.errors import OvertakenError, ReadBackError, WrongCardError
from issuance.production.models import Renewal
from issuance.production.personalisation import KeyPlan
from issuance.production.renewalsteps import PLANS, RenewalSteps, RenewalView, view
from issuance.production.work import CHALLENGE_BYTES, Workshop
from issuance.provenance.recording import slot_name
from issuance.rekeying.errors import KeyProofError
from issuance.stations.connection import StationConnection
from pki.profiles import Profile

Connect = Callable[[str, Job], StationConnection]
"""Reader, job → the card there (`stations.hub.Hub.connect`)."""


class Rekeying:
    """All renewals of one registry at stations."""

    def __init__(
        self,
        shop: Workshop,
        readers: Readers,
        connect: Connect,
        confirmation: Confirmation,
        rules: DeliveryRules,
    ) -> None:
        self._shop = shop
        self._readers = readers
        self._connect = connect
        self._confirmation = confirmation
        self._rules = rules
        self._steps = RenewalSteps(shop)

    def renew(self, actor: Actor, number: str, reader: str, profile: Profile) -> RenewalView:
        """Renews one key of the card, or finishes a torn renewal; the same operator just checked its holder.

        Raises NotFoundError (for another office's reader, too), ForbiddenTransitionError unless the card is
        active, IdentityUncheckedError, DeceasedError, RecordChangedError,
        CivilRegisterUnavailableError, NotSignedError, KeyProofError, UnknownKeysError,
        CardExpiredError, OvertakenError, NothingToVoidError, WrongCardError, ReadBackError, a
        CardError, a TransportError or a PkiError.
        """
        actor.require(Role.CLERK, Role.SUPERVISOR)
        require_at(self._readers, actor.office, reader)
        if profile not in PLANS:
            raise NotFoundError("key")
        check, finished = self._admit(actor, number, profile)
        if finished is not None:
            return finished
        number = check.card_number
        with closing(self._connect(reader, Job(actor.username, number))) as connection:
            check, finished = self._begin(actor, number, profile)
            if finished is not None:
                return finished
            known = self._steps.known_key(number, profile)
            if known is not None:
                challenge = self._shop.randomness(CHALLENGE_BYTES).hex().upper()
                self._prove(actor, connection, PLANS[profile], RequestInfo(number, known, challenge))
            renewal, session = self._requested(actor, connection, number, profile, known)
            issued = self._steps.certify(actor, reader, renewal)
            self._steps.write(session, issued)
            slot = PLANS[profile].slot
            if session.read_certificate(slot) != issued.der:
                raise ReadBackError(slot.certificate_object.title)
            certified = x509.load_der_x509_certificate(issued.der).public_key()
            if session.key_in_slot(slot) not in (None, certified):
                raise ReadBackError("key")
            return self._steps.finish(actor, renewal.id, issued, check.id)

    def _admit(self, actor: Actor, number: str, profile: Profile) -> tuple[IdentityCheck, RenewalView | None]:
        """The check that it goes by; with it what was finished by that, whose answer was lost."""
        with self._shop.database.reading() as session:
            check, finished = self._checked(session, actor, number, profile)
        if finished is not None:
            return check, finished
        self._confirmation.require(actor.username, check.application_id, self._rules.register_age)
        return check, None

    def _begin(self, actor: Actor, number: str, profile: Profile) -> tuple[IdentityCheck, RenewalView | None]:
        """The same once the card is connected: what used the check up meanwhile is told by now."""
        with self._shop.database.writing() as session:
            check, finished = self._checked(session, actor, number, profile)
            if finished is None:
                details = {"check": check.id, "profile": profile.value}
                self._record(session, actor, check.card_number, "begun", details)
            return check, finished

    def _checked(
        self, session: Session, actor: Actor, number: str, profile: Profile
    ) -> tuple[IdentityCheck, RenewalView | None]:
        card = get_card(session, number)
        if card.state != CardState.ACTIVE:
            raise ForbiddenTransitionError("card", card.state, "renew")
        check = good_check(session, actor, card.card_number, self._shop.clock() - self._rules.check_life)
        used = finished_by(session, check)
        if used is None:
            return check, None
        if used.get("profile") != profile.value:
            raise IdentityUncheckedError
        return check, view(session.get_one(Renewal, str(used["renewal"])))

    def _requested(
        self,
        actor: Actor,
        connection: StationConnection,
        number: str,
        profile: Profile,
        proven: PublicKey | None,
    ) -> tuple[Renewal, PivSession]:
        """The renewal with a request of the key that is in the card, and the card, opened."""
        session = self._opened(connection, number)
        renewal = self._steps.begin(actor, number, profile)
        if renewal.csr is not None:
            if proven is None or self._steps.known_key(number, profile) != proven:
                raise OvertakenError(number, "renewal")
            self._steps.resume(session, renewal, key_shown_later=False)
            return renewal, session
        info = RequestInfo(number, self._steps.make_key(session, renewal))
        csr = info.signed(self._prove(actor, connection, PLANS[profile], info))
        # The station's own conversation with the card has ended the channel.
        return self._steps.keep_request(renewal, csr), self._opened(connection, number)

    def _opened(self, connection: StationConnection, number: str) -> PivSession:
        session = PivSession(connection, self._shop.links.policy(connection))
        found = self._steps.open(session)
        if found != number:
            raise WrongCardError(number, found)
        return session

    def _prove(self, actor: Actor, connection: StationConnection, plan: KeyPlan, info: RequestInfo) -> bytes:
        """The card's signature, which the holder's PIN at the station has allowed."""
        signature = connection.prove(plan.slot, info.encode())
        try:
            info.check(signature)
        except UnexpectedAnswerError:
            with self._shop.database.writing() as session:
                self._record(session, actor, info.card, "refused", {"slot": slot_name(plan.slot)})
            raise KeyProofError(slot_name(plan.slot)) from None
        return signature

    def _record(
        self, session: Session, actor: Actor, number: str, what: str, details: dict[str, str]
    ) -> None:
        self._shop.audit.record(session, actor.username, f"rekeying.{what}", f"card:{number}", {**details})
