"""Suspending, resuming and revoking cards.

The authority acts inside the registry's transaction, before its commit: if it refuses, nothing changed; if
the commit is lost, asking again finishes the job.
"""

from collections.abc import Iterable
from typing import Protocol

from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.enrolment.repository import move
from issuance.lifecycle.cards import get_card, move_card
from issuance.lifecycle.certificates import Certificates
from issuance.lifecycle.models import Card, CardCertificate
from issuance.lifecycle.states import ApplicationEvent, CardEvent, CardState, RevocationCause
from issuance.massactions.closing import close_ended, require_not_held
from issuance.operators.models import Role
from issuance.operators.service import Actor
from pki.clock import Clock


class TornRenewals(Protocol):
    """Renewals that have not ended: what they got may be good at the authority already."""

    def issued_on(self, session: Session, number: str) -> set[int]:
        """Serials of what the card's torn renewals got."""
        ...

    def end_on(self, session: Session, number: str, actor: str) -> None:
        """Gives them up; the caller revokes what they got."""
        ...


class Lifecycle:
    """What happens to a card after it was produced."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        certificates: Certificates,
        clock: Clock,
        renewals: TornRenewals,
    ) -> None:
        self._database = database
        self._audit = audit
        self._certificates = certificates
        self._clock = clock
        self._renewals = renewals

    def suspend(self, actor: Actor, number: str) -> None:
        """Stops an active card for a while. Raises NotFoundError or ForbiddenTransitionError."""
        actor.require(Role.CLERK, Role.SUPERVISOR)
        with self._database.writing() as session:
            card = get_card(session, number)
            move_card(card, CardEvent.SUSPEND)
            self._audit.record(session, actor.username, "card.suspended", f"card:{card.card_number}")
            session.flush()
            held = _serials(card.certificates_in_force) | self._renewals.issued_on(session, card.card_number)
            self._certificates.hold(held, actor.username, "suspended at the registry")

    def resume(self, actor: Actor, number: str) -> None:
        """Lets a suspended card work again. Raises CardHeldError while a mass action holds its keys."""
        actor.require(Role.CLERK, Role.SUPERVISOR)
        with self._database.writing() as session:
            card = get_card(session, number)
            require_not_held(session, card.card_number)
            move_card(card, CardEvent.RESUME)
            self._audit.record(session, actor.username, "card.resumed", f"card:{card.card_number}")
            session.flush()
            note, torn = "resumed at the registry", self._renewals.issued_on(session, card.card_number)
            for serial in torn:
                self._certificates.resume_activated(serial, actor.username, note)
            whole = _serials(card.certificates_in_force) - torn
            self._certificates.resume(whole, actor.username, note)

    def revoke(self, actor: Actor, number: str, cause: RevocationCause) -> None:
        """Ends a card for good. One that was not delivered yet leaves its application approved."""
        actor.require(Role.CLERK, Role.SUPERVISOR)
        with self._database.writing() as session:
            card = get_card(session, number)
            undelivered = card.state == CardState.PRODUCED
            move_card(card, CardEvent.REVOKE)
            self._end(card, cause)
            if undelivered:
                move(card.application, ApplicationEvent.LOSE_CARD)
            subject = f"card:{card.card_number}"
            self._audit.record(session, actor.username, "card.revoked", subject, {"cause": cause.value})
            session.flush()
            serials = _serials(card.certificates) | self._renewals.issued_on(session, card.card_number)
            self._renewals.end_on(session, card.card_number, actor.username)
            close_ended(session, card.card_number)
            session.flush()
            self._certificates.revoke(serials, cause, actor.username, f"card {cause.value}")

    def _end(self, card: Card, cause: RevocationCause) -> None:
        card.revocation_cause = cause.value
        card.ended_at = self._clock()


def _serials(certificates: Iterable[CardCertificate]) -> set[int]:
    return {certificate.serial_number for certificate in certificates}
