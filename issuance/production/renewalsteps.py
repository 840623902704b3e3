"""What a renewal does to journal, card and authority, step by step; each may be torn and done again.

Who types the holder's PIN, and where, is the callers' business (`renewal`, `issuance.rekeying`).
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from cardio.piv.session import PivSession
from cardio.piv.slots import PublicKey
from issuance.decrees.validity import validity_of
from issuance.delivery.presence import require_unused
from issuance.errors import ForbiddenTransitionError, NotFoundError, SealBrokenError
from issuance.identifiers import new_identifier
from issuance.lifecycle.cards import card_number, get_card
from issuance.lifecycle.models import Card, CardCertificate
from issuance.lifecycle.states import CardState
from issuance.massactions.closing import close_rekeyed
from issuance.operators.service import Actor
from issuance.production import personalisation
from issuance.production.cardsecrets import issuer_secrets
from issuance.production.channelkeys import recorded_keys
from issuance.production.errors import (
    CardExpiredError,
    NothingToVoidError,
    OvertakenError,
    ReadBackError,
    UnknownKeysError,
)
from issuance.production.models import OPEN_RENEWAL_STATES, Renewal, RenewalState
from issuance.production.personalisation import KEY_PLANS
from issuance.production.work import Workshop, certificate_row, issue, subject_of
from issuance.provenance.recording import Making, enter_key, slot_name, supersede_key
from pki.authority.values import CertificateRequest, IssuedCertificate
from pki.profiles import Profile
from pki.status.state import RevocationReason

_LOG = logging.getLogger(__name__)
PLANS = {plan.profile: plan for plan in KEY_PLANS}
"""What a card's keys are certified for, and how each is made."""


@dataclass(frozen=True)
class RenewalView:
    """A renewal as others see it."""

    id: str
    card_number: str
    profile: Profile
    state: RenewalState
    serial: int | None
    """Of the new certificate, once it is good."""


class RenewalSteps:
    """Those of every renewal of one registry."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    def open(self, piv: PivSession) -> str:
        """Opens the card with the keys that were recorded for it; the card's number.

        Raises NotFoundError, ForbiddenTransitionError, UnknownKeysError, a CardError or a TransportError.
        """
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

    def known_key(self, number: str, profile: Profile) -> PublicKey | None:
        """The key that is in the slot by all that is on record: a torn request's, else the certified one.

        None where a torn renewal has ended the certificate and the next key has signed nothing yet.
        """
        with self._shop.database.reading() as session:
            torn = session.scalar(open_on(number).where(Renewal.profile == profile.value))
            if torn is not None and require_whole(session, torn).csr is not None:
                return _usable(x509.load_der_x509_csr(torn.csr or b"").public_key())
            for row in get_card(session, number).certificates_in_force:
                if row.profile == profile.value:
                    return _usable(x509.load_der_x509_certificate(row.der).public_key())
        return None

    def begin(self, actor: Actor, number: str, profile: Profile) -> Renewal:
        """The card's open renewal of that key, or a new one. Raises CardExpiredError."""
        with self._shop.database.writing() as session:
            if _ends_at(session, get_card(session, number)) <= self._shop.clock():
                raise CardExpiredError(number)
            found = session.scalar(open_on(number).where(Renewal.profile == profile.value))
            if found is not None:
                return require_whole(session, found)
            renewal = Renewal(
                id=new_identifier(self._shop.randomness),
                card_number=_active(session, number).card_number,
                profile=profile.value,
                state=RenewalState.BEGUN.value,
                started_by=actor.username,
                started_at=self._shop.clock(),
            )
            session.add(renewal)
            self.record(session, actor.username, renewal, "begun")
            return renewal

    def make_key(self, piv: PivSession, renewal: Renewal) -> PublicKey:
        """Another key in the slot. No certificate is good any more whose key is lost by it."""
        self._supersede(renewal)
        plan = PLANS[Profile(renewal.profile)]
        piv.put_object(plan.slot.certificate_object, b"")
        return piv.generate_key(plan.slot, plan.algorithm)

    def resume(self, piv: PivSession, renewal: Renewal, *, key_shown_later: bool) -> None:
        """Before a torn renewal's request is certified: the slot has its key, and no other's is good.

        The record alone doesn't say so: whoever writes it would get a key certified that no card has. A card
        that doesn't tell which key it has passes where the key is shown later. Raises ReadBackError.
        """
        key = _usable(x509.load_der_x509_csr(renewal.csr or b"").public_key())
        found = piv.key_in_slot(PLANS[Profile(renewal.profile)].slot)
        if found != key and not (found is None and key_shown_later):
            raise ReadBackError("key")
        self._supersede(renewal)

    def keep_request(self, renewal: Renewal, csr: bytes) -> Renewal:
        """What the new key has signed. Raises OvertakenError if another key's is there already."""
        with self._shop.database.writing() as session:
            recorded = get_open(session, renewal.id)
            if recorded.csr is not None:
                raise OvertakenError(renewal.card_number, "renewal")
            recorded.csr, recorded.state = csr, RenewalState.REQUESTED.value
            recorded.ends_at = _ends_at(session, recorded.card)
            return recorded

    def _supersede(self, renewal: Renewal) -> None:
        """Before its key is lost: no certificate is good whose key nobody has, but the one that it got."""
        own = self.serial_of(renewal)
        with self._shop.database.writing() as session:
            card = get_card(session, renewal.card_number)
            of_key = [row for row in card.certificates_in_force if row.profile == renewal.profile]
            old = [row for row in of_key if row.serial_number != own]
            self._give_way(session, old)
            session.flush()
            for certificate in old:
                self._shop.certificates.revoke_serial(
                    certificate.serial_number, RevocationReason.SUPERSEDED, renewal.started_by, "key renewed"
                )

    def settle(self, session: Session, renewal: Renewal) -> None:
        """Puts on record what a torn attempt of this renewal has revoked: the key before it gave way."""
        card = get_card(session, renewal.card_number)
        old = [row for row in card.certificates_in_force if row.profile == renewal.profile]
        revoked = self._shop.certificates.revoked([row.serial_number for row in old])
        self._give_way(session, [row for row in old if row.serial_number in revoked])

    def _give_way(self, session: Session, certificates: Iterable[CardCertificate]) -> None:
        now = self._shop.clock()
        for certificate in certificates:
            certificate.superseded_at = now
            supersede_key(session, certificate.serial_number, now)

    def certify(self, actor: Actor, reader: str, renewal: Renewal) -> IssuedCertificate:
        """The request's certificate, on hold and on record; the same one each time."""
        issued = issue(self._shop, self._request(renewal))
        self._enter(actor, reader, renewal.id, issued)
        return issued

    def _request(self, renewal: Renewal) -> CertificateRequest:
        """The same for each attempt, so that the authority issues once."""
        with self._shop.database.reading() as session:
            card = get_card(session, renewal.card_number)
            # Requests of the days before their end was kept go by what is decreed now.
            subject, ends_at = subject_of(card.application), renewal.ends_at or _ends_at(session, card)
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
            renewal = require_whole(session, session.get_one(Renewal, renewal_id))
            session.refresh(renewal.card, with_for_update=True)
            ended = renewal.state not in OPEN_RENEWAL_STATES
            certificate = certificate_row(renewal.card_number, issued)
            if not ended and session.get(CardCertificate, certificate.serial) is None:
                session.add(certificate)
                making = Making(PLANS[issued.profile].slot, actor.office, reader, self._shop.clock())
                enter_key(session, renewal.card_number, issued, making)
        if ended:
            self.revoke(issued.serial, renewal.started_by)
            raise NothingToVoidError(renewal.state, "renewal")

    def write(self, piv: PivSession, issued: IssuedCertificate) -> None:
        """Writes the certificate, once its path holds."""
        self._shop.check_path(issued.profile, issued.der, self._shop.clock())
        piv.put_certificate(PLANS[issued.profile].slot, issued.der)

    def finish(
        self, actor: Actor, renewal_id: str, issued: IssuedCertificate, check: str | None = None
    ) -> RenewalView:
        """The certificate is on the card: it is good, and the renewal has ended.

        `check`: of the holder's presence, which is used up by it (`issuance.delivery.presence`). Raises
        IdentityUncheckedError if something else used it up meanwhile: by another one it is finished.
        """
        with self._shop.database.writing() as session:
            renewal = get_open(session, renewal_id)
            # Nobody suspends or revokes the card between this look at it and the commit.
            session.refresh(renewal.card, with_for_update=True)
            _active(session, renewal.card_number)
            if check is not None:
                require_unused(session, renewal.card_number, check)
            certificate = session.get_one(CardCertificate, f"{issued.serial:x}")
            renewal.serial, renewal.state = certificate.serial, RenewalState.FINISHED.value
            renewal.ended_at = self._shop.clock()
            self.record(session, actor.username, renewal, "finished", check)
            slot = slot_name(PLANS[issued.profile].slot)
            close_rekeyed(session, renewal.card, slot, issued.serial, renewal.ended_at)
            session.flush()
            # Last before the commit: if the commit is lost, renewing again comes here again.
            self._shop.certificates.activate([certificate], actor.username, "key renewed")
            return view(renewal)

    def revoke(self, serial: int, actor: str) -> None:
        """What a renewal got and nobody is to have."""
        reason = RevocationReason.CESSATION_OF_OPERATION
        self._shop.certificates.revoke_serial(serial, reason, actor, "renewal given up")

    def serial_of(self, renewal: Renewal) -> int | None:
        """Of what the renewal got, even when the answer was lost; nothing is asked for anew."""
        return self._shop.certificates.serial_of(_request_id(renewal))

    def record(
        self, session: Session, actor: str, renewal: Renewal, what: str, check: str | None = None
    ) -> None:
        """Puts into the audit chain what became of it."""
        subject, details = f"card:{renewal.card_number}", {"renewal": renewal.id, "profile": renewal.profile}
        details |= {} if check is None else {"check": check}
        self._shop.audit.record(session, actor, f"renewal.{what}", subject, details)


def _usable(key: object) -> PublicKey:
    """Cards here have no others."""
    if not isinstance(key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)):
        raise ReadBackError("key")
    return key


def _request_id(renewal: Renewal) -> str:
    return f"{renewal.id}-{renewal.profile}"


def _ends_at(session: Session, card: Card) -> datetime:
    """What the date on the card was taken from, or what a decree made of it."""
    return validity_of(session, card).valid_until


def open_on(number: str) -> Select[Renewal]:
    """The torn renewals of a card."""
    return select(Renewal).where(Renewal.card_number == number, Renewal.state.in_(OPEN_RENEWAL_STATES))


def get_open(session: Session, renewal_id: str) -> Renewal:
    """The renewal, if it has not ended. Raises SealBrokenError for what the registry didn't write."""
    found = session.get(Renewal, renewal_id)
    if found is None:
        raise NotFoundError("renewal")
    if found.state not in OPEN_RENEWAL_STATES:
        raise NothingToVoidError(found.state, "renewal")
    return require_whole(session, found)


def require_whole(session: Session, renewal: Renewal) -> Renewal:
    """The renewal: it says which certificate is revoked, and until when another one is good.

    Raises SealBrokenError.
    """
    if not renewal.is_whole(session):
        _LOG.error("renewal %s: its seal is broken", renewal.id)
        raise SealBrokenError(renewal.SEALED_AS, renewal.WAY_ON)
    return renewal


def _active(session: Session, number: str) -> Card:
    card = get_card(session, number)
    if card.state != CardState.ACTIVE:
        raise ForbiddenTransitionError("card", card.state, "renew")
    return card


def view(renewal: Renewal) -> RenewalView:
    """It as others see it."""
    return RenewalView(
        id=renewal.id,
        card_number=renewal.card_number,
        profile=Profile(renewal.profile),
        state=RenewalState(renewal.state),
        serial=None if renewal.serial is None else int(renewal.serial, 16),
    )
