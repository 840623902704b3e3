"""Accepting finished cards, and rejecting them: a rejected card is voided like any other."""

from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.enrolment.repository import move
from issuance.errors import ForbiddenTransitionError, InvalidInputError
from issuance.inspection.errors import OwnCardError
from issuance.inspection.models import REASON_LENGTH, Inspection
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationEvent, ApplicationState
from issuance.operators.service import Actor
from issuance.orders.service import PRODUCERS
from issuance.production.journal import production_of
from issuance.production.service import ProductionLine
from issuance.production.voiding import begin_voiding
from issuance.registry.text import fold
from pki.clock import Clock


class Inspections:
    """The inspections of one registry."""

    def __init__(self, database: Database, audit: Audit, clock: Clock, line: ProductionLine) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._line = line

    def accept(self, actor: Actor, number: str) -> None:
        """The card is as it should be: it can be handed over.

        Raises NotFoundError, ForbiddenTransitionError, OwnCardError or RoleRequiredError.
        """
        actor.require(*PRODUCERS)
        with self._database.writing() as session:
            card = _awaiting(session, actor, number)
            self._record(session, actor, card, None)
            move(card.application, ApplicationEvent.ACCEPT_CARD)

    def reject(self, actor: Actor, number: str, reason: str) -> None:
        """The card is waste: its certificates are revoked, its order is back in its place in the queue.

        Raises InvalidInputError, a PkiError where the authority refuses, and what `accept` raises.
        """
        actor.require(*PRODUCERS)
        why = fold(reason)
        if not 1 <= len(why) <= REASON_LENGTH:
            raise InvalidInputError(f"say why, in at most {REASON_LENGTH} characters")
        with self._database.writing() as session:
            card = _awaiting(session, actor, number)
            self._record(session, actor, card, why)
            production = begin_voiding(session, card)
        self._line.finish_voiding(production.id, actor.username)

    def _record(self, session: Session, actor: Actor, card: Card, reason: str | None) -> None:
        production = production_of(session, card.card_number)
        if actor.username in {production.started_by, production.resumed_by}:
            raise OwnCardError
        if session.get(Inspection, production.id) is not None:
            raise ForbiddenTransitionError("production", production.state, "inspect")
        session.add(
            Inspection(
                production_id=production.id,
                started_by=production.started_by,
                resumed_by=production.resumed_by,
                inspected_by=actor.username,
                inspected_at=self._clock(),
                accepted=reason is None,
                reason=reason,
            )
        )
        # The reason is a person's words: the row keeps it, the chain, which can't forget, does not.
        subject, what = f"card:{card.card_number}", "accepted" if reason is None else "rejected"
        self._audit.record(session, actor.username, f"card.{what}", subject)


def _awaiting(session: Session, actor: Actor, number: str) -> Card:
    card = get_card(session, number)
    session.refresh(card, with_for_update=True)
    application = card.application
    actor.require_office(application.office, "card")
    if application.state != ApplicationState.INSPECTION:
        raise ForbiddenTransitionError("application", application.state, "inspect")
    return card
