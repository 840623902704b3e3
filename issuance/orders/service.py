"""The queue of each office: who is next, what is urgent, and what people are told."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.errors import InvalidInputError, NotFoundError
from issuance.identifiers import Randomness, new_identifier
from issuance.lifecycle.states import ApplicationState
from issuance.offices.models import Office
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.orders.errors import NotWaitingError, UrgentQuotaError
from issuance.orders.fairness import rank, urgent_quota
from issuance.orders.models import REASON_LENGTH, Order, Priority, Promise
from issuance.orders.promise import Arrival, Outlook, promised_date
from issuance.orders.repository import (
    get_order,
    last_promise,
    length,
    lock_order,
    position,
    promised_places,
    put_back,
    queue_of,
    take_next,
    under_way,
)
from issuance.registry.text import fold
from issuance.registry.workdays import IRANIAN_WEEK, Workdays
from issuance.stock.repository import announced, on_hand
from issuance.stock.service import measured_pace
from pki.clock import Clock

PRODUCERS = (Role.PRODUCTION, Role.CLERK, Role.SUPERVISOR)
"""Who may take from the queue and make cards."""
PAGE = 100


@dataclass(frozen=True)
class Taken:
    """An order out of the queue, for a minute: then it is back, unless its run has begun."""

    application_id: str
    holder: str
    expires_at: datetime


@dataclass(frozen=True)
class OrderView:
    """An order as it waits."""

    application_id: str
    office: str
    priority: Priority
    approved_at: datetime
    ahead: int
    """Orders before it."""
    expected_on: date | None
    """When its card is ready by what is known now; None: unknown."""
    told: Promise | None
    """What was told last."""


class Orders:
    """All queues of one registry."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        clock: Clock,
        randomness: Randomness,
        workdays: Workdays = IRANIAN_WEEK,
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._randomness = randomness
        self._workdays = workdays

    def take(self, actor: Actor) -> Taken | None:
        """The next order of the actor's office, for this caller alone; None if none waits.

        Raises RoleRequiredError.
        """
        actor.require(*PRODUCERS)
        holder = new_identifier(self._randomness)
        with self._database.writing() as session:
            order = take_next(session, actor.office, holder, self._clock())
            if order is None or order.lease_expires_at is None:
                return None
            return Taken(order.application_id, holder, order.lease_expires_at)

    def any_left(self, actor: Actor) -> bool:
        """Whether an order of the actor's office waits, is held, or may be back from who is at work on it."""
        with self._database.reading() as session:
            waits = length(session, actor.office) > 0
            return waits or under_way(session, actor.office, self._clock())

    def put_back(self, taken: Taken) -> None:
        """Back to its place in the queue, at once."""
        with self._database.writing() as session:
            put_back(session, taken.application_id, taken.holder)

    def make_urgent(self, actor: Actor, application_id: str, reason: str) -> None:
        """Gives an order its head start. Making an urgent one urgent again changes nothing.

        Raises NotFoundError, NotWaitingError, InvalidInputError, UrgentQuotaError or RoleRequiredError.
        """
        actor.require(Role.SUPERVISOR)
        why = fold(reason)
        if not 1 <= len(why) <= REASON_LENGTH:
            raise InvalidInputError(f"say why, in at most {REASON_LENGTH} characters")
        with self._database.writing() as session:
            # Two supervisors at once must not both find the last free place: they queue at their office.
            session.execute(select(Office).where(Office.code == actor.office).with_for_update())
            order = self._own(session, actor, application_id)
            if order.priority == Priority.URGENT:
                return
            quota = urgent_quota(length(session, order.office))
            if length(session, order.office, Order.priority == Priority.URGENT.value) >= quota:
                raise UrgentQuotaError(quota)
            order.priority, order.rank_at = Priority.URGENT.value, rank(order.approved_at, urgent=True)
            order.urgent_reason, order.urgent_by = why, actor.username
            self._audit.record(session, actor.username, "order.urgent", f"application:{application_id}")

    def _own(self, session: Session, actor: Actor, application_id: str) -> Order:
        order = lock_order(session, application_id)
        if order.office != actor.office:
            raise NotFoundError("order")
        if order.state != ApplicationState.APPROVED:
            raise NotWaitingError(order.state)
        return order

    def queue(self, office: str, offset: int = 0) -> list[OrderView]:
        """PAGE orders of an office's queue from `offset` on, as they come."""
        with self._database.reading() as session:
            outlook = self._outlook(session, office)
            orders = queue_of(session, office, PAGE, offset)
            told = _last_promises(session, [order.application_id for order in orders])
            return [
                self._view(order, ahead, outlook, told.get(order.application_id))
                for ahead, order in enumerate(orders, offset)
            ]

    def view(self, application_id: str) -> OrderView:
        """One waiting order. Raises NotFoundError or NotWaitingError."""
        with self._database.reading() as session:
            order = _waiting(session, application_id)
            outlook, ahead = self._outlook(session, order.office), position(session, order)
            return self._view(order, ahead, outlook, last_promise(session, application_id))

    def tell(self, actor: Actor, application_id: str) -> Promise:
        """What is told to the applicant now, kept with the order when it differs from what was told last.

        Raises NotFoundError or NotWaitingError.
        """
        actor.require(Role.CLERK, Role.SUPERVISOR)
        with self._database.writing() as session:
            order = lock_order(session, application_id)
            _waiting(session, application_id)
            outlook, ahead = self._outlook(session, order.office), position(session, order)
            last = last_promise(session, application_id)
            promised_on = promised_date(ahead, outlook, self._workdays)
            if last is not None and last.promised_on == promised_on:
                return last
            number = 1 if last is None else last.number + 1
            return self._promise(session, actor.username, application_id, number, ahead, outlook)

    def retell(self, actor: Actor) -> list[Promise]:
        """What has to be told anew at the actor's office, because what was told does not hold any more."""
        actor.require(Role.CLERK, Role.SUPERVISOR)
        with self._database.writing() as session:
            outlook = self._outlook(session, actor.office)
            changed = [
                (ahead, last)
                for ahead, last in promised_places(session, actor.office)
                if promised_date(ahead, outlook, self._workdays) != last.promised_on
            ]
            return [
                self._promise(session, actor.username, last.application_id, last.number + 1, ahead, outlook)
                for ahead, last in changed
            ]

    def _promise(
        self, session: Session, teller: str, application_id: str, number: int, ahead: int, outlook: Outlook
    ) -> Promise:
        promise = Promise(
            application_id=application_id,
            number=number,
            told_at=self._clock(),
            told_by=teller,
            promised_on=promised_date(ahead, outlook, self._workdays),
            position=ahead,
            on_hand=outlook.on_hand,
            cards_per_day=outlook.cards_per_day,
        )
        session.add(promise)
        day = None if promise.promised_on is None else promise.promised_on.isoformat()
        subject = f"application:{application_id}"
        self._audit.record(session, teller, "order.promised", subject, {"on": day})
        return promise

    def _outlook(self, session: Session, office: str) -> Outlook:
        now = self._clock()
        pace = measured_pace(session, office, now, self._workdays)
        arrivals = tuple(Arrival(day, bodies) for day, bodies in announced(session, office))
        here = on_hand(session, office)
        return Outlook(now.date(), here, arrivals, pace.cards_per_day, pace.bodies_per_card)

    def _view(self, order: Order, ahead: int, outlook: Outlook, told: Promise | None) -> OrderView:
        return OrderView(
            application_id=order.application_id,
            office=order.office,
            priority=Priority(order.priority),
            approved_at=order.approved_at,
            ahead=ahead,
            expected_on=promised_date(ahead, outlook, self._workdays),
            told=told,
        )


def _waiting(session: Session, application_id: str) -> Order:
    order = get_order(session, application_id)
    if order.state != ApplicationState.APPROVED:
        raise NotWaitingError(order.state)
    return order


def _last_promises(session: Session, application_ids: list[str]) -> dict[str, Promise]:
    query = select(Promise).where(Promise.application_id.in_(application_ids)).order_by(Promise.number)
    return {promise.application_id: promise for promise in session.scalars(query)}
