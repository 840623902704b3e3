"""Whether stock adds up: the ledger against the bodies by office, and the bodies against the cards."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from issuance.lifecycle.models import Card
from issuance.lifecycle.states import CardState
from issuance.offices.models import Office
from issuance.operators.changes import OperatorChange
from issuance.stock.ledger import Balance, balance
from issuance.stock.models import Body, Movement
from issuance.stock.repository import counts, flows
from issuance.stock.states import ON_HAND, BodyState

MAX_TOLD = 100
"""Faults of one kind that are told; where there are more, there is enough to look at."""


@dataclass(frozen=True)
class Fault:
    """Something that does not hold."""

    kind: str
    subject: str
    """The office, or the body's serial."""
    detail: str


def balances(session: Session) -> list[Balance]:
    """Every office's balance since the registry keeps stock, by its code."""
    ledger, there = flows(session), counts(session)
    return [
        balance(code, 0, ledger, sum(there.get((code, state), 0) for state in ON_HAND))
        for code in session.scalars(select(Office.code).order_by(Office.code))
    ]


def faults(session: Session) -> Iterator[Fault]:
    """Everything that does not hold, none where stock adds up."""
    for one in balances(session):
        if not one.adds_up:
            detail = f"by the ledger {one.expected} are on hand, counted {one.on_hand}"
            yield Fault("balance", one.office, detail)
    yield from _told(session, "ledger", "its movements are not one unbroken line to where it is", _torn())
    yield from _told(session, "no-body", "the ledger moves a body that is not on record", _bodiless())
    yield from _told(session, "unspent", "a card was made of it, and it is not spent", _unspent())
    yield from _told(session, "no-card", "it is used, and there is no card", _cardless())


def _told(session: Session, kind: str, detail: str, query: Select[str]) -> Iterator[Fault]:
    found = session.scalars(query.limit(MAX_TOLD))
    return (Fault(kind, serial, detail) for serial in found)


def _torn() -> Select[str]:
    """Bodies that have not exactly the movements 1 to `moves`, or stand elsewhere than the last one ended."""
    lines = (
        select(Movement.serial, func.count().label("rows"), func.max(Movement.number).label("last"))
        .group_by(Movement.serial)
        .subquery()
    )
    last = and_(Movement.serial == Body.serial, Movement.number == Body.moves)
    whole = and_(
        lines.c.rows == Body.moves,
        lines.c.last == Body.moves,
        Movement.to_state == Body.state,
        Movement.to_office == Body.office,
    )
    query = select(Body.serial).outerjoin(lines, lines.c.serial == Body.serial).outerjoin(Movement, last)
    return query.where(func.coalesce(whole, False).is_(False)).order_by(Body.serial)


def _bodiless() -> Select[str]:
    query = select(Movement.serial).outerjoin(Body, Body.serial == Movement.serial)
    return query.where(Movement.number == 1, Body.serial.is_(None)).order_by(Movement.serial)


def _unspent() -> Select[str]:
    """A voided card's body is waste or destroyed; a live card's is used; a revoked one's may be either."""
    waste = Body.state.in_((BodyState.SPOILED, BodyState.CONDEMNED, BodyState.DESTROYED))
    may_be_waste = Card.state.in_((CardState.VOIDED, CardState.REVOKED))
    right = or_(and_(may_be_waste, waste), and_(Card.state != CardState.VOIDED, Body.state == BodyState.USED))
    query = select(Card.card_number).outerjoin(Body, Body.serial == Card.card_number)
    return query.where(or_(Body.serial.is_(None), ~right)).order_by(Card.card_number)


def _cardless() -> Select[str]:
    """A used body is a citizen's card, or was taken for an operator's."""
    query = select(Body.serial).outerjoin(Card, Card.card_number == Body.serial)
    query = query.outerjoin(OperatorChange, OperatorChange.card_number == Body.serial)
    nobodys = Card.card_number.is_(None), OperatorChange.id.is_(None)
    return query.where(Body.state == BodyState.USED, *nobodys).order_by(Body.serial)
