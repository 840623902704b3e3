"""Cards that nobody collects: their holders are told, they are taken back, and they end.

Whatever is done later is done by somebody at the office; a period that has passed changes nothing by itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select, true
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.delivery.checks import DELIVERERS
from issuance.delivery.errors import NotYetError
from issuance.delivery.models import Recall
from issuance.delivery.repository import card_to_hand_over, close_open
from issuance.delivery.rules import DeliveryRules
from issuance.delivery.states import DeliveryEnd
from issuance.enrolment.models import Application
from issuance.errors import ForbiddenTransitionError, NotFoundError
from issuance.lifecycle.cards import get_card
from issuance.lifecycle.lives import CARD
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationState, CardEvent, CardState
from issuance.notices.models import Channel
from issuance.notices.outbox import put
from issuance.notices.templates import Template
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.production.service import ProductionLine
from issuance.production.voiding import begin_voiding
from issuance.stock.errors import SecondPersonError
from pki.clock import Clock

MOST_AT_ONCE = 500
"""Cards told of by one request."""


@dataclass(frozen=True)
class RecallView:
    """A recall as others see it."""

    card_number: str
    noticed_by: str
    noticed_at: datetime
    returned_by: str | None
    returned_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None


class Recalls:
    """All recalls of one registry."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        line: ProductionLine,
        finish_proven: Callable[[str], None],
        rules: DeliveryRules,
        clock: Clock,
    ) -> None:
        self._database = database
        self._audit = audit
        self._line = line
        self._finish_proven = finish_proven
        self._rules = rules
        self._clock = clock

    def notify(self, actor: Actor) -> list[str]:
        """Tells the holders of the office's uncollected cards, the longest waiting first, 500 at most.

        Returns the cards' numbers; who was told is not told again. Raises RoleRequiredError.
        """
        actor.require(*DELIVERERS)
        now = self._clock()
        with self._database.writing() as session:
            cards = session.scalars(self._due(actor.office, now).with_for_update(of=Card)).all()
            for card in cards:
                session.add(Recall(card_number=card.card_number, noticed_by=actor.username, noticed_at=now))
                key = f"uncollected:{card.card_number}"
                put(session, key, card.application_id, Template.CARD_UNCOLLECTED, Channel.SMS, now)
                self._record(session, actor, card.card_number, "noticed")
            return [card.card_number for card in cards]

    def take_back(self, actor: Actor, number: str) -> None:
        """The card leaves the counter, and is handed over no more.

        Raises NotFoundError, ForbiddenTransitionError, or NotYetError before its time.
        """
        actor.require(*DELIVERERS)
        now = self._clock()
        self._finish_proven(number)
        with self._database.writing() as session:
            try:
                card = card_to_hand_over(session, actor, number)
            except ForbiddenTransitionError as error:  # it is about a handover, and nobody asked for one
                raise ForbiddenTransitionError(error.what, error.state, "take back") from error
            recall = _recall(session, card.card_number)
            if now < recall.noticed_at + self._rules.return_after:
                raise NotYetError(recall.noticed_at + self._rules.return_after)
            close_open(session, card.card_number, DeliveryEnd.RETURNED)
            recall.returned_by, recall.returned_at = actor.username, now
            self._record(session, actor, card.card_number, "returned")

    def end(self, actor: Actor, number: str) -> None:
        """A second person ends a card that was taken back: certificates revoked, body waste.

        Stock then has the body destroyed, by two people. Raises NotFoundError, NotYetError,
        SecondPersonError, or a PkiError: then the voiding stays open, and goes on at the next start.
        """
        actor.require(*DELIVERERS)
        with self._database.writing() as session:
            card = get_card(session, number)
            session.refresh(card, with_for_update=True)
            actor.require_office(card.application.office, "card")
            recall = _recall(session, card.card_number)
            if recall.returned_at is None:
                raise NotYetError(None)
            if recall.returned_by == actor.username:
                raise SecondPersonError("end a card that one person has taken back")
            if card.state == CardState.VOIDED and recall.ended_at is not None:
                return  # asked again
            CARD.after(CardState(card.state), CardEvent.VOID)
            if recall.ended_at is None:
                recall.ended_by, recall.ended_at = actor.username, self._clock()
                self._record(session, actor, card.card_number, "ended")
            voiding = begin_voiding(session, card).id
        self._line.finish_voiding(voiding, actor.username)

    def open(self, actor: Actor) -> Sequence[RecallView]:
        """Recalls of the office not ended, oldest first; for auditors of all. Raises RoleRequiredError."""
        actor.require(*DELIVERERS, Role.AUDITOR)
        of_office = true() if actor.confined_to is None else Application.office == actor.confined_to
        query = (
            select(Recall)
            .join(Card, Card.card_number == Recall.card_number)
            .join(Application, Application.id == Card.application_id)
            .where(of_office, Card.state == CardState.PRODUCED.value, Recall.ended_at.is_(None))
            .order_by(Recall.noticed_at, Recall.card_number)
            .limit(MOST_AT_ONCE)
        )
        with self._database.reading() as session:
            return [_view(recall) for recall in session.scalars(query)]

    def _due(self, office: str, now: datetime) -> Select[Card]:
        return (
            select(Card)
            .join(Application, Application.id == Card.application_id)
            .outerjoin(Recall, Recall.card_number == Card.card_number)
            .where(
                Application.office == office,
                Application.state == ApplicationState.READY.value,
                Card.state == CardState.PRODUCED.value,
                Card.produced_at <= now - self._rules.notice_after,
                Recall.card_number.is_(None),
            )
            .order_by(Card.produced_at, Card.card_number)
            .limit(MOST_AT_ONCE)
        )

    def _record(self, session: Session, actor: Actor, number: str, what: str) -> None:
        self._audit.record(session, actor.username, f"recall.{what}", f"card:{number}")


def _recall(session: Session, number: str) -> Recall:
    found = session.get(Recall, number)
    if found is None:
        raise NotFoundError("recall")
    return found


def _view(recall: Recall) -> RecallView:
    return RecallView(
        card_number=recall.card_number,
        noticed_by=recall.noticed_by,
        noticed_at=recall.noticed_at,
        returned_by=recall.returned_by,
        returned_at=recall.returned_at,
        ended_by=recall.ended_by,
        ended_at=recall.ended_at,
    )
