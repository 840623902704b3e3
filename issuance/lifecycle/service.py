"""Suspending, resuming and revoking cards.

The authority acts inside the registry's transaction, before its commit: if it refuses, nothing changed; if
the commit is lost, asking again finishes the job.
"""

from issuance.audit import Audit
from issuance.database import Database
from issuance.enrolment.repository import move
from issuance.lifecycle.cards import get_card, move_card
from issuance.lifecycle.certificates import Certificates
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationEvent, CardEvent, CardState, RevocationCause
from issuance.operators.models import Role
from issuance.operators.service import Actor
from pki.clock import Clock


class Lifecycle:
    """What happens to a card after it was produced."""

    def __init__(self, database: Database, audit: Audit, certificates: Certificates, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._certificates = certificates
        self._clock = clock

    def suspend(self, actor: Actor, number: str) -> None:
        """Stops an active card for a while. Raises NotFoundError or ForbiddenTransitionError."""
        actor.require(Role.CLERK, Role.SUPERVISOR)
        with self._database.writing() as session:
            card = get_card(session, number)
            move_card(card, CardEvent.SUSPEND)
            self._audit.record(session, actor.username, "card.suspended", f"card:{card.card_number}")
            session.flush()
            self._certificates.hold(card.certificates_in_force, actor.username, "suspended at the registry")

    def resume(self, actor: Actor, number: str) -> None:
        """Lets a suspended card work again."""
        actor.require(Role.CLERK, Role.SUPERVISOR)
        with self._database.writing() as session:
            card = get_card(session, number)
            move_card(card, CardEvent.RESUME)
            self._audit.record(session, actor.username, "card.resumed", f"card:{card.card_number}")
            session.flush()
            self._certificates.resume(card.certificates_in_force, actor.username, "resumed at the registry")

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
            self._certificates.revoke(card.certificates, cause, actor.username, f"card {cause.value}")

    def _end(self, card: Card, cause: RevocationCause) -> None:
        card.revocation_cause = cause.value
        card.ended_at = self._clock()
