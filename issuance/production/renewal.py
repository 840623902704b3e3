"""A new key and certificate for an issued card.

What is to happen is recorded first. Then the old certificate is revoked and taken off the card, for the card
makes no key beside it; the key is made, signs its request, and gets its certificate. Renewing again goes on
with what was torn: without a recorded request another key is made, with one its certificate is written.
"""

import logging
from contextlib import closing

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from cardio.piv.session import PivSession
from issuance.errors import IssuanceError, NotFoundError
from issuance.lifecycle.models import Card, CardCertificate
from issuance.lifecycle.states import CardState
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production import personalisation
from issuance.production.connection import Job, Readers, connect_for
from issuance.production.models import OPEN_RENEWAL_STATES, Renewal, RenewalState
from issuance.production.personalisation import Proof
from issuance.production.renewalsteps import PLANS, RenewalSteps, RenewalView, get_open, open_on, view
from issuance.production.work import CHALLENGE_BYTES, Workshop
from issuance.provenance.recording import supersede_key
from pki.authority.values import IssuedCertificate
from pki.errors import PkiError
from pki.profiles import Profile

_LOG = logging.getLogger(__name__)

RENEWABLE = tuple(PLANS)
"""What a card's keys are certified for."""


class Renewals:
    """Every renewal of one registry."""

    def __init__(self, shop: Workshop, readers: Readers) -> None:
        self._shop = shop
        self._readers = readers
        self._steps = RenewalSteps(shop)

    def renew(self, actor: Actor, reader: str, profile: Profile, pin: str) -> RenewalView:
        """Renews one key of the active card in the reader, or finishes a torn renewal of it.

        `pin` is the holder's, given where the reader is; nothing is changed before the card takes it.

        Raises NotFoundError, ForbiddenTransitionError, UnknownKeysError, CardExpiredError, OvertakenError,
        NothingToVoidError, ReadBackError, a CardError, a TransportError or a PkiError.
        """
        actor.require(Role.CLERK, Role.SUPERVISOR)
        if profile not in RENEWABLE:
            raise NotFoundError("key")
        with (
            closing(connect_for(self._readers, reader, Job(actor.username))) as connection,
            connection.exclusive(),
        ):
            session = PivSession(connection, self._shop.links.policy(connection))
            number = self._steps.open(session)
            session.verify_pin(pin)
            renewal = self._steps.begin(actor, number, profile)
            if renewal.csr is None:
                renewal = self._request(session, renewal, pin)
            else:
                self._steps.resume(session, renewal, key_shown_later=True)
            issued = self._steps.certify(actor, reader, renewal)
            self._write(session, issued, pin)
            return self._steps.finish(actor, renewal.id, issued)

    def _request(self, session: PivSession, renewal: Renewal, pin: str) -> Renewal:
        plan = PLANS[Profile(renewal.profile)]
        key = self._steps.make_key(session, renewal)
        csr = personalisation.sign_request(session, plan, key, pin, renewal.card_number)
        return self._steps.keep_request(renewal, csr)

    def _write(self, session: PivSession, issued: IssuedCertificate, pin: str) -> None:
        """Writes the certificate, and lets the card show that it holds it and its key."""
        slot = PLANS[issued.profile].slot
        self._steps.write(session, issued)
        personalisation.read_back(session, {}, {slot: issued.der}, pin)
        proof = Proof(slot, issued.der, self._shop.randomness(CHALLENGE_BYTES))
        personalisation.prove_keys(session, (proof,), pin)

    def give_up(self, actor: Actor, renewal_id: str) -> RenewalView:
        """Revokes what a torn renewal got; the slot has no certificate until the key is renewed.

        Raises NotFoundError, NothingToVoidError or a PkiError; safe to call again after a torn call.
        """
        actor.require(Role.CLERK, Role.SUPERVISOR)
        return self._give_up(actor.username, renewal_id)

    def give_up_ended(self) -> int:
        """Gives up what was begun just when its card was revoked; returns how many those were."""
        query = select(Renewal.id).join(Card).where(Card.state == CardState.REVOKED)
        with self._shop.database.reading() as session:
            waiting = list(session.scalars(query.where(Renewal.state.in_(OPEN_RENEWAL_STATES))))
        for renewal_id in waiting:
            try:
                self._give_up("system", renewal_id)
            except (IssuanceError, PkiError, StaleDataError) as error:
                _LOG.error("renewal %s is not given up yet: %s", renewal_id, type(error).__name__)
        return len(waiting)

    def _give_up(self, actor: str, renewal_id: str) -> RenewalView:
        with self._shop.database.reading() as session:
            renewal = get_open(session, renewal_id)
        serial = self._steps.serial_of(renewal)
        with self._shop.database.writing() as session:
            renewal = get_open(session, renewal_id)
            self._end(session, actor, renewal, serial)
            self._steps.settle(session, renewal)
            session.flush()
            if serial is not None:
                self._steps.revoke(serial, actor)
            return view(renewal)

    def _end(self, session: Session, actor: str, renewal: Renewal, serial: int | None) -> None:
        now = self._shop.clock()
        renewal.state, renewal.ended_at = RenewalState.GIVEN_UP.value, now
        entered = None if serial is None else session.get(CardCertificate, f"{serial:x}")
        if entered is not None:
            entered.superseded_at = now
            supersede_key(session, entered.serial_number, now)
        self._steps.record(session, actor, renewal, "given-up")

    def issued_on(self, session: Session, number: str) -> set[int]:
        """Serials of what the card's torn renewals got from the authority, good or not yet."""
        serials = {self._steps.serial_of(renewal) for renewal in _whole_on(session, number)}
        return {serial for serial in serials if serial is not None}

    def end_on(self, session: Session, number: str, actor: str) -> None:
        """Gives up the card's torn renewals; the caller revokes what they got."""
        for renewal in _whole_on(session, number):
            self._end(session, actor, renewal, self._steps.serial_of(renewal))

    def open_on(self, number: str) -> list[RenewalView]:
        """The torn renewals of a card."""
        with self._shop.database.reading() as session:
            return [view(renewal) for renewal in session.scalars(open_on(number))]


def _whole_on(session: Session, number: str) -> list[Renewal]:
    """The card's torn renewals that the registry wrote: what others name is nobody's to revoke."""
    return [renewal for renewal in session.scalars(open_on(number)).all() if renewal.is_whole(session)]
