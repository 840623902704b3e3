"""The queue in the database."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_
from sqlalchemy.orm import Session

from issuance.enrolment.models import Application
from issuance.errors import NotFoundError
from issuance.lifecycle.states import ApplicationState
from issuance.orders.errors import NotReconciledError, OrderHeldError
from issuance.orders.fairness import rank
from issuance.orders.models import RESTORED, Order, Priority, Promise
from issuance.production.models import Production
from issuance.production.steps import ProductionState

_MOVING = (ProductionState.RUNNING.value, ProductionState.VOIDING.value)
CLAIM_LEASE = timedelta(seconds=60)
"""From taking an order until its run is on record; a run has a lease of its own."""


def enqueue(session: Session, application: Application, approved_at: datetime) -> None:
    """Puts an application that was just approved into its office's queue."""
    session.flush()  # the order's state refers to the application's
    session.add(
        Order(
            application_id=application.id,
            state=application.state,
            office=application.office,
            approved_at=approved_at,
            priority=Priority.ORDINARY.value,
            rank_at=rank(approved_at, urgent=False),
        )
    )


def get_order(session: Session, application_id: str) -> Order:
    """The order of an application. Raises NotFoundError."""
    found = session.get(Order, application_id)
    if found is None:
        raise NotFoundError("order")
    return found


def lock_order(session: Session, application_id: str) -> Order:
    """The same, kept from others until the transaction ends."""
    query = select(Order).where(Order.application_id == application_id).with_for_update()
    found = session.scalar(query.execution_options(populate_existing=True))
    if found is None:
        raise NotFoundError("order")
    return found


def take_next(session: Session, office: str, holder: str, now: datetime) -> Order | None:
    """The first order of the office that nobody holds, held by `holder` from now; None: none waits.

    Two servers never get the same one, and neither waits for the other: on PostgreSQL by SKIP LOCKED; on
    SQLite there is one writer at a time.
    """
    waiting = select(Order).where(waiting_at(office), _free(now))
    query = waiting.order_by(Order.rank_at, Order.application_id)
    order = session.scalar(query.limit(1).with_for_update(skip_locked=True))
    if order is not None:
        order.holder, order.lease_expires_at = holder, now + CLAIM_LEASE
    return order


def begin(session: Session, application_id: str, holder: str | None, now: datetime) -> int:
    """Ends the holding, because the run begins; returns how many orders are passed over by that.

    Raises OrderHeldError if somebody else holds the order, NotReconciledError after a restore.
    """
    order = lock_order(session, application_id)
    if order.holder == RESTORED:
        raise NotReconciledError(application_id)
    if order.holder != holder and order.lease_expires_at is not None and order.lease_expires_at > now:
        raise OrderHeldError(application_id)
    order.holder = order.lease_expires_at = None
    return position(session, order, free_at=now)


def put_back(session: Session, application_id: str, holder: str) -> None:
    """Back to its place at once, if `holder` still holds it."""
    order = lock_order(session, application_id)
    if order.holder == holder:
        order.holder = order.lease_expires_at = None


def waiting_at(office: str) -> ColumnElement[bool]:
    """The orders in an office's queue."""
    return and_(Order.office == office, Order.state == ApplicationState.APPROVED.value)


def position(session: Session, order: Order, *, free_at: datetime | None = None) -> int:
    """How many are ahead of it; with `free_at`, only those that nobody holds then."""
    before = tuple_(Order.rank_at, Order.application_id) < tuple_(order.rank_at, order.application_id)
    query = select(func.count()).where(waiting_at(order.office), before)
    return session.scalar(query if free_at is None else query.where(_free(free_at))) or 0


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(Order.lease_expires_at.is_(None), Order.lease_expires_at <= now)


def queue_of(session: Session, office: str, limit: int, offset: int) -> list[Order]:
    """A stretch of the office's queue."""
    query = select(Order).where(waiting_at(office)).order_by(Order.rank_at, Order.application_id)
    return list(session.scalars(query.limit(limit).offset(offset)))


def length(session: Session, office: str, *conditions: ColumnElement[bool]) -> int:
    """How many wait at an office."""
    return session.scalar(select(func.count()).select_from(Order).where(waiting_at(office), *conditions)) or 0


def under_way(session: Session, office: str, now: datetime) -> bool:
    """Whether a process is at work on a card for the office, or on voiding one: its order may be back."""
    query = select(Production.id).join(Application, Application.id == Production.application_id)
    mine = Application.office == office, Production.state.in_(_MOVING), Production.lease_expires_at > now
    return session.scalar(query.where(*mine).limit(1)) is not None


def last_promise(session: Session, application_id: str) -> Promise | None:
    """What was told last of an order."""
    query = select(Promise).where(Promise.application_id == application_id)
    return session.scalar(query.order_by(Promise.number.desc()).limit(1))


def promised_places(session: Session, office: str) -> Iterator[tuple[int, Promise]]:
    """Every waiting order of which something was told: how many are ahead of it, and what was told last."""
    place = func.row_number().over(order_by=(Order.rank_at, Order.application_id)) - 1
    places = select(Order.application_id, place.label("ahead")).where(waiting_at(office)).subquery()
    newest = (
        select(Promise.application_id, func.max(Promise.number).label("number"))
        .group_by(Promise.application_id)
        .subquery()
    )
    query = (
        select(places.c.ahead, Promise)
        .join(newest, newest.c.application_id == places.c.application_id)
        .join(
            Promise,
            and_(Promise.application_id == newest.c.application_id, Promise.number == newest.c.number),
        )
        .order_by(places.c.ahead)
    )
    yield from ((ahead, promise) for ahead, promise in session.execute(query))
