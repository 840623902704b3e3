"""Orders after a restore: each was perhaps made after the backup, so none is made before somebody has looked.

An order that is held for that has a holder who never comes. Whoever has looked (for the card, in the office's
stock and the citizen's hands) puts it back into the queue, on record. A card that was made meanwhile is
unknown here, and so are its certificates: it opens nothing, and has to be destroyed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.lifecycle.states import ApplicationState
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.orders.errors import NotHeldError
from issuance.orders.models import RESTORED, Order
from issuance.orders.repository import lock_order
from issuance.production.models import Production
from issuance.production.steps import ProductionState

FAILURE = "restored"
_DETAIL = "the registry was restored from a backup: put the same card in again, or give it up"
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@unique
class Finding(StrEnum):
    """What came of looking for a card."""

    NOT_MADE = "not_made"
    MADE = "made"
    """It was made after the backup; it is found and destroyed."""


@dataclass(frozen=True)
class Held:
    """How much a restore held up."""

    orders: int
    runs: int


def hold_all(session: Session, now: datetime) -> Held:
    """Holds every order that waits, and ends the attempts of runs that were under way."""
    waiting = (
        update(Order)
        .where(Order.state == ApplicationState.APPROVED.value)
        .values(holder=RESTORED, lease_expires_at=_NEVER)
    )
    under_way = (ProductionState.RUNNING.value, ProductionState.INTERRUPTED.value)
    torn = (
        update(Production)
        .where(Production.state.in_(under_way))
        .values(
            state=ProductionState.INTERRUPTED.value,
            lease_expires_at=now,
            failure_kind=FAILURE,
            failure_detail=_DETAIL,
            version=Production.version + 1,
        )
    )
    count = select(Production.id).where(Production.state.in_(under_way))
    runs, orders = len(session.scalars(count).all()), len(held_orders(session, waiting=True))
    session.execute(waiting.execution_options(synchronize_session=False))
    session.execute(torn.execution_options(synchronize_session=False))
    return Held(orders, runs)


def held_orders(session: Session, *, waiting: bool = False) -> Sequence[str]:
    """The applications whose orders are held after a restore; `waiting`: that wait, held or not."""
    query = select(Order.application_id).where(Order.state == ApplicationState.APPROVED.value)
    if not waiting:
        query = query.where(Order.holder == RESTORED)
    return session.scalars(query.order_by(Order.rank_at, Order.application_id)).all()


class Reconciling:
    """What people do about it."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    def held(self, actor: Actor) -> Sequence[str]:
        """The applications whose orders wait for somebody to look. Raises RoleRequiredError."""
        actor.require(Role.SUPERVISOR)
        with self._database.reading() as session:
            return held_orders(session)

    def release(self, actor: Actor, application_id: str, finding: Finding) -> None:
        """Puts an order back into the queue, on record.

        Raises RoleRequiredError, NotFoundError, or NotHeldError where it does not wait for that.
        """
        actor.require(Role.SUPERVISOR)
        with self._database.writing() as session:
            order = lock_order(session, application_id)
            if order.holder != RESTORED:
                raise NotHeldError(application_id)
            order.holder = order.lease_expires_at = None
            subject, details = f"application:{application_id}", {"finding": finding.value}
            self._audit.record(session, actor.username, "order.reconciled", subject, details)
