"""Bodies in the database: found, locked, and moved together with a row of the ledger."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.orm import Session

from issuance.errors import NotFoundError
from issuance.stock.ledger import Flow
from issuance.stock.models import Batch, Body, Movement
from issuance.stock.states import BODY, ON_HAND, BatchState, BodyEvent, BodyState

_ROWS = 1000
"""In one statement."""


@dataclass(frozen=True)
class Hand:
    """Who moves bodies, when and why."""

    actor: str
    at: datetime
    reason: str = ""


def get_batch(session: Session, batch_id: str) -> Batch:
    """The batch. Raises NotFoundError."""
    found = session.get(Batch, batch_id)
    if found is None:
        raise NotFoundError("batch")
    return found


def find_body(session: Session, serial: str) -> Body | None:
    """The body, if it is on record; read only."""
    return session.get(Body, serial)


def lock_bodies(session: Session, serials: Collection[str]) -> list[Body]:
    """These bodies, each kept from others until the transaction ends. Raises NotFoundError for one unknown.

    At most 1,000 of them.
    """
    query = select(Body).where(Body.serial.in_(sorted(serials))).order_by(Body.serial)
    query = query.with_for_update().execution_options(populate_existing=True)
    found = list(session.scalars(query))
    if len(found) != len(set(serials)):
        raise NotFoundError("body")
    return found


def move_bodies(
    session: Session,
    bodies: Sequence[Body],
    event: BodyEvent,
    hand: Hand,
    *,
    office: str | None = None,
    application_id: str | None = None,
) -> None:
    """Follows an arrow with locked bodies; `office` is where they are sent.

    Raises ForbiddenTransitionError.
    """
    movements = [_movement(body, event, hand, office or body.office) for body in bodies]
    if not movements:
        return
    session.flush()
    session.execute(insert(Movement), movements)
    changes = {
        "state": movements[0]["to_state"],
        "moves": Body.moves + 1,
        "moved_by": hand.actor,
        "application_id": application_id,
    }
    if office is not None:
        changes["office"] = office
    serials = [body.serial for body in bodies]
    session.execute(
        update(Body).where(Body.serial.in_(serials)).values(changes),
        execution_options={"synchronize_session": False},
    )
    for body in bodies:
        session.expire(body)


def _movement(body: Body, event: BodyEvent, hand: Hand, office: str) -> dict[str, object]:
    return {
        "serial": body.serial,
        "number": body.moves + 1,
        "previous": body.moves,
        "kind": event.value,
        "from_state": body.state,
        "to_state": BODY.after(BodyState(body.state), event).value,
        "from_office": body.office,
        "to_office": office,
        "actor": hand.actor,
        "previous_actor": body.moved_by,
        "at": hand.at,
        "reason": hand.reason,
    }


def known_of(session: Session, serials: Iterable[str]) -> Iterator[str]:
    """Those of the serials that are on record already."""
    for part in _parts(serials):
        yield from session.scalars(select(Body.serial).where(Body.serial.in_(part)))


def receive_bodies(
    session: Session, batch: Batch, serials: Iterable[str], counted_by: str, hand: Hand
) -> None:
    """Puts new bodies into the batch's office, each with the first row of its ledger."""
    state = BodyState.IN_STOCK.value
    for part in _parts(serials):
        first = {
            "number": 1,
            "kind": BodyEvent.RECEIVE.value,
            "to_state": state,
            "to_office": batch.office,
            "actor": hand.actor,
            "previous_actor": counted_by,
            "at": hand.at,
            "reason": hand.reason,
        }
        here = {
            "batch_id": batch.id,
            "office": batch.office,
            "state": state,
            "moves": 1,
            "moved_by": hand.actor,
        }
        session.execute(insert(Movement), [{"serial": serial, **first} for serial in part])
        session.execute(insert(Body), [{"serial": serial, **here} for serial in part])


def counts(session: Session, office: str | None = None) -> dict[tuple[str, BodyState], int]:
    """Bodies by office and state."""
    query = select(Body.office, Body.state, func.count()).group_by(Body.office, Body.state)
    if office is not None:
        query = query.where(Body.office == office)
    return {(place, BodyState(state)): number for place, state, number in session.execute(query)}


def on_hand(session: Session, office: str) -> int:
    """Bodies in stock or reserved at an office."""
    query = select(func.count()).where(Body.office == office, Body.state.in_(ON_HAND))
    return session.scalar(query) or 0


def flows(session: Session, *conditions: ColumnElement[bool]) -> list[Flow]:
    """The ledger's rows under these conditions, added up by where they led."""
    ends = (Movement.from_state, Movement.from_office, Movement.to_state, Movement.to_office)
    query = select(*ends, func.count()).where(*conditions).group_by(*ends)
    return [
        Flow(
            None if from_state is None else BodyState(from_state),
            from_office,
            BodyState(to_state),
            to_office,
            number,
        )
        for from_state, from_office, to_state, to_office, number in session.execute(query)
    ]


@dataclass(frozen=True)
class Consumption:
    """What an office used in a window of days."""

    first: date | None
    """The earliest day on which a body was ever taken there."""
    taken: int
    voided: int


def consumption(session: Session, office: str, since: datetime, until: datetime) -> Consumption:
    """Bodies taken, and voided, at an office from one moment until another, which is not counted."""
    query = (
        select(Movement.kind, func.count().label("number"))
        .where(
            Movement.to_office == office,
            Movement.at >= since,
            Movement.at < until,
            Movement.kind.in_([BodyEvent.TAKE, BodyEvent.VOID]),
        )
        .group_by(Movement.kind)
    )
    found = {row.kind: row.number for row in session.execute(query)}
    first_take = select(Movement.at).where(Movement.to_office == office, Movement.kind == BodyEvent.TAKE)
    earliest = session.scalar(first_take.order_by(Movement.at).limit(1))
    first = None if earliest is None else earliest.date()
    return Consumption(first, found.get(BodyEvent.TAKE, 0), found.get(BodyEvent.VOID, 0))


def announced(session: Session, office: str) -> list[tuple[date, int]]:
    """Deliveries that an office waits for and that have a date, the next first: day and bodies."""
    waiting = Batch.state.in_([BatchState.ANNOUNCED, BatchState.COUNTED])
    query = select(Batch.expected_on, Batch.bodies).where(
        Batch.office == office, waiting, Batch.expected_on.is_not(None)
    )
    return [(day, bodies) for day, bodies in session.execute(query.order_by(Batch.expected_on)) if day]


def _parts(serials: Iterable[str]) -> Iterator[list[str]]:
    left = iter(serials)
    while part := list(islice(left, _ROWS)):
        yield part
