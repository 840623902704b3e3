"""A new key and certificate for an issued card.

What is to happen is recorded first. Then the old certificate is revoked and taken off the card, for the card
makes no key beside it; the key is made, signs its request, and gets its certificate. Renewing again goes on
with what was torn: without a recorded request another key is made, with one its certificate is written.
"""

import logging
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from cardio.piv.session import PivSession
from issuance.decrees.validity import validity_of
from issuance.errors import ForbiddenTransitionError, IssuanceError, NotFoundError
from issuance.identifiers import new_identifier
from issuance.lifecycle.cards import card_number, get_card
from issuance.lifecycle.models import Card, CardCertificate
from issuance.lifecycle.states import CardState
from issuance.massactions.closing import close_rekeyed
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production import personalisation
from issuance.production.cardsecrets import issuer_secrets
from issuance.production.channelkeys import recorded_keys
from issuance.production.connection import Job, Readers, connect_for
from issuance.production.errors import CardExpiredError, NothingToVoidError, OvertakenError, UnknownKeysError
from issuance.production.models import OPEN_RENEWAL_STATES, Renewal, RenewalState
from issuance.production.personalisation import KEY_PLANS, Proof
from issuance.production.work import CHALLENGE_BYTES, Workshop, certificate_row, issue, subject_of
from issuance.provenance.recording import Making, enter_key, slot_name, supersede_key
from pki.authority.values import CertificateRequest, IssuedCertificate
from pki.errors import PkiError
from pki.profiles import Profile
from pki.status.state import RevocationReason

_LOG = logging.getLogger(__name__)

_PLANS = {plan.profile: plan for plan in KEY_PLANS}
RENEWABLE = tuple(_PLANS)
"""What a card's keys are certified for."""


@dataclass(frozen=True)
class RenewalView:
    """A renewal as others see it."""

    id: str
    card_number: str
    profile: Profile
    state: RenewalState
    serial: int | None
    """Of the new certificate, once it is good."""


class Renewals:
    """Every renewal of one registry."""

    def __init__(self, shop: Workshop, readers: Readers) -> None:
        self._shop = shop
        self._readers = readers

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
            number = self._open(session)
            session.verify_pin(pin)
            renewal = self._begin(actor, number, profile)
            if renewal.csr is None:
                renewal = self._make_key(session, renewal, pin)
            issued = issue(self._shop, self._request(renewal))
            self._enter(actor, reader, renewal.id, issued)
            self._write(session, issued, pin)
            return self._finish(actor, renewal.id, issued)

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
            renewal = _get(session, renewal_id)
        serial = self._serial(renewal)
        with self._shop.database.writing() as session:
            renewal = _get(session, renewal_id)
            self._end(session, actor, renewal, serial)
            session.flush()
            if serial is not None:
                self._revoke(serial, actor)
            return _view(renewal)

    def _end(self, session: Session, actor: str, renewal: Renewal, serial: int | None) -> None:
        now = self._shop.clock()
        renewal.state, renewal.ended_at = RenewalState.GIVEN_UP.value, now
        entered = None if serial is None else session.get(CardCertificate, f"{serial:x}")
        if entered is not None:
            entered.superseded_at = now
            supersede_key(session, entered.serial_number, now)
        self._audit(session, actor, renewal, "given-up")

    def _revoke(self, serial: int, actor: str) -> None:
        reason = RevocationReason.CESSATION_OF_OPERATION
        self._shop.certificates.revoke_serial(serial, reason, actor, "renewal given up")

    def issued_on(self, session: Session, number: str) -> set[int]:
        """Serials of what the card's torn renewals got from the authority, good or not yet."""
        serials = {self._serial(renewal) for renewal in session.scalars(_open_on(number))}
        return {serial for serial in serials if serial is not None}

    def end_on(self, session: Session, number: str, actor: str) -> None:
        """Gives up the card's torn renewals; the caller revokes what they got."""
        for renewal in session.scalars(_open_on(number)).all():
            self._end(session, actor, renewal, self._serial(renewal))

    def open_on(self, number: str) -> list[RenewalView]:
        """The torn renewals of a card."""
        with self._shop.database.reading() as session:
            return [_view(renewal) for renewal in session.scalars(_open_on(number))]

    def _open(self, piv: PivSession) -> str:
        """Opens the card with the keys that were recorded for it; the card's number."""
        serial = piv.card_serial()
        number = card_number(serial)
        master_key = self._shop.master_keys["card"]
        with self._shop.database.reading() as session:
            card = _active(session, number)
            candidates = recorded_keys(master_key, card)
        if personalisation.first_channel(piv, candidates) is None:
            raise UnknownKeysError(number)
        self._shop.links.learn(piv.channel)
        piv.authenticate_management(issuer_secrets(master_key, serial).management_key)
        return number

    def _begin(self, actor: Actor, number: str, profile: Profile) -> Renewal:
        with self._shop.database.writing() as session:
            if _ends_at(session, get_card(session, number)) <= self._shop.clock():
                raise CardExpiredError(number)
            found = session.scalar(_open_on(number).where(Renewal.profile == profile.value))
            if found is not None:
                return found
            renewal = Renewal(
                id=new_identifier(self._shop.randomness),
                card_number=_active(session, number).card_number,
                profile=profile.value,
                state=RenewalState.BEGUN.value,
                started_by=actor.username,
                started_at=self._shop.clock(),
            )
            session.add(renewal)
            self._audit(session, actor.username, renewal, "begun")
            return renewal

    def _make_key(self, piv: PivSession, renewal: Renewal, pin: str) -> Renewal:
        self._supersede(renewal)
        plan = _PLANS[Profile(renewal.profile)]
        piv.put_object(plan.slot.certificate_object, b"")
        key = piv.generate_key(plan.slot, plan.algorithm)
        csr = personalisation.sign_request(piv, plan, key, pin, renewal.card_number)
        with self._shop.database.writing() as session:
            recorded = _get(session, renewal.id)
            if recorded.csr is not None:
                raise OvertakenError(renewal.card_number, "renewal")
            recorded.csr, recorded.state = csr, RenewalState.REQUESTED.value
            return recorded

    def _supersede(self, renewal: Renewal) -> None:
        """Before its key is lost: no certificate is good whose key nobody has."""
        with self._shop.database.writing() as session:
            card = get_card(session, renewal.card_number)
            old = [row for row in card.certificates_in_force if row.profile == renewal.profile]
            for certificate in old:
                certificate.superseded_at = self._shop.clock()
                supersede_key(session, certificate.serial_number, certificate.superseded_at)
            session.flush()
            for certificate in old:
                self._shop.certificates.revoke_serial(
                    certificate.serial_number, RevocationReason.SUPERSEDED, renewal.started_by, "key renewed"
                )

    def _request(self, renewal: Renewal) -> CertificateRequest:
        """The same for each attempt, so that the authority issues once."""
        with self._shop.database.reading() as session:
            card = get_card(session, renewal.card_number)
            subject, ends_at = subject_of(card.application), _ends_at(session, card)
        return CertificateRequest(
            request_id=_request_id(renewal),
            profile=Profile(renewal.profile),
            subject=subject,
            csr=renewal.csr or b"",
            actor=renewal.started_by,
            not_after=ends_at,
        )

    def _enter(self, actor: Actor, reader: str, renewal_id: str, issued: IssuedCertificate) -> None:
        """Before it can be good: whoever suspends or revokes the card finds it."""
        with self._shop.database.writing() as session:
            renewal = session.get_one(Renewal, renewal_id)
            session.refresh(renewal.card, with_for_update=True)
            ended = renewal.state not in OPEN_RENEWAL_STATES
            certificate = certificate_row(renewal.card_number, issued)
            if not ended and session.get(CardCertificate, certificate.serial) is None:
                session.add(certificate)
                making = Making(_PLANS[issued.profile].slot, actor.office, reader, self._shop.clock())
                enter_key(session, renewal.card_number, issued, making)
        if ended:
            self._revoke(issued.serial, renewal.started_by)
            raise NothingToVoidError(renewal.state, "renewal")

    def _write(self, piv: PivSession, issued: IssuedCertificate, pin: str) -> None:
        """Writes the certificate, and lets the card show that it holds it and its key."""
        plan = _PLANS[issued.profile]
        self._shop.check_path(issued.profile, issued.der, self._shop.clock())
        piv.put_certificate(plan.slot, issued.der)
        personalisation.read_back(piv, {}, {plan.slot: issued.der}, pin)
        proof = Proof(plan.slot, issued.der, self._shop.randomness(CHALLENGE_BYTES))
        personalisation.prove_keys(piv, (proof,), pin)

    def _finish(self, actor: Actor, renewal_id: str, issued: IssuedCertificate) -> RenewalView:
        with self._shop.database.writing() as session:
            renewal = _get(session, renewal_id)
            # Nobody suspends or revokes the card between this look at it and the commit.
            session.refresh(renewal.card, with_for_update=True)
            _active(session, renewal.card_number)
            certificate = session.get_one(CardCertificate, f"{issued.serial:x}")
            renewal.serial, renewal.state = certificate.serial, RenewalState.FINISHED.value
            renewal.ended_at = self._shop.clock()
            self._audit(session, actor.username, renewal, "finished")
            slot = slot_name(_PLANS[issued.profile].slot)
            close_rekeyed(session, renewal.card, slot, issued.serial, renewal.ended_at)
            session.flush()
            # Last before the commit: if the commit is lost, renewing again comes here again.
            self._shop.certificates.activate([certificate], actor.username, "key renewed")
            return _view(renewal)

    def _serial(self, renewal: Renewal) -> int | None:
        """Of what the renewal got, even when the answer was lost; nothing is asked for anew."""
        return self._shop.certificates.serial_of(_request_id(renewal))

    def _audit(self, session: Session, actor: str, renewal: Renewal, what: str) -> None:
        subject, details = f"card:{renewal.card_number}", {"renewal": renewal.id, "profile": renewal.profile}
        self._shop.audit.record(session, actor, f"renewal.{what}", subject, details)


def _request_id(renewal: Renewal) -> str:
    return f"{renewal.id}-{renewal.profile}"


def _ends_at(session: Session, card: Card) -> datetime:
    """What the date on the card was taken from, or what a decree made of it."""
    return validity_of(session, card).valid_until


def _open_on(number: str) -> Select[Renewal]:
    return select(Renewal).where(Renewal.card_number == number, Renewal.state.in_(OPEN_RENEWAL_STATES))


def _get(session: Session, renewal_id: str) -> Renewal:
    """The renewal, if it has not ended."""
    found = session.get(Renewal, renewal_id)
    if found is None:
        raise NotFoundError("renewal")
    if found.state not in OPEN_RENEWAL_STATES:
        raise NothingToVoidError(found.state, "renewal")
    return found


def _active(session: Session, number: str) -> Card:
    card = get_card(session, number)
    if card.state != CardState.ACTIVE:
        raise ForbiddenTransitionError("card", card.state, "renew")
    return card


def _view(renewal: Renewal) -> RenewalView:
    return RenewalView(
        id=renewal.id,
        card_number=renewal.card_number,
        profile=Profile(renewal.profile),
        state=RenewalState(renewal.state),
        serial=None if renewal.serial is None else int(renewal.serial, 16),
    )
