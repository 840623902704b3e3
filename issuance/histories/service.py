"""One page of a history, newest first: the chain and the ledger of bodies, merged by time.

Two statements a page, whatever it holds; both are bounded by the page's size and go by indexes.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, unique

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session

from issuance.audit import AuditEntry
from issuance.database import Database
from issuance.enrolment.models import Application
from issuance.errors import NotFoundError
from issuance.histories.cursor import Position, Source, decode
from issuance.histories.reasons import Words, why, with_words
from issuance.histories.subjects import Scope, of_batch, of_card, of_citizen, of_order
from issuance.lifecycle.models import Card
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.registry.models import Citizen
from issuance.registry.text import ascii_digits
from issuance.stock.models import Movement
from pki.auditchain import Json
from pki.auditchain.columns import from_microseconds, to_microseconds

MOST = 200
"""Events on a page."""
READERS = (Role.CLERK, Role.SUPERVISOR, Role.AUDITOR)


@unique
class HistoryOf(StrEnum):
    """Whose history."""

    CITIZEN = "citizen"
    """By national code."""
    ORDER = "order"
    """By the application's identifier."""
    CARD = "card"
    """By its number."""
    BATCH = "batch"
    """By the identifier of a delivery of bodies, or of a batch run."""


@dataclass(frozen=True)
class Event:
    """One thing that happened."""

    position: Position = field(repr=False)
    at: datetime
    who: str
    """An operator, or `system`."""
    what: str
    """`card.suspended`, `stock.destroy`…"""
    subject: str
    """`card:0000000001`, `application:…`"""
    why: str
    """In people's words, where they gave some that are kept."""
    details: Mapping[str, Json]


@dataclass(frozen=True)
class Page:
    """Events, newest first."""

    events: tuple[Event, ...]
    next: str | None
    """The cursor of the page after this; None: there is none."""


_SCOPES: Mapping[HistoryOf, Callable[[str], tuple[Select[str], Scope]]] = {
    HistoryOf.CITIZEN: of_citizen,
    HistoryOf.ORDER: of_order,
    HistoryOf.CARD: of_card,
    HistoryOf.BATCH: of_batch,
}


class Histories:
    """All histories of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, actor: Actor, whose: HistoryOf, identifier: str, cursor: str | None = None, most: int = 50
    ) -> Page:
        """One page, at most `most` events (1 to 200).

        Raises RoleRequiredError, NotFoundError, or InvalidInputError for a cursor that is none.
        """
        actor.require(*(READERS if whose is not HistoryOf.BATCH else (*READERS, Role.STOCK)))
        key, before = _plain(whose, identifier), None if cursor is None else decode(cursor)
        known, scope = _SCOPES[whose](key)
        limit = max(1, min(most, MOST))
        with self._database.reading() as session:
            if session.scalar(known.limit(1)) is None:
                raise NotFoundError(whose.value)
            found = list(
                heapq.merge(
                    _record(session, scope, before, limit + 1),
                    _ledger(session, scope, before, limit + 1),
                    key=lambda event: event.position,
                    reverse=True,
                )
            )[: limit + 1]
        events = tuple(found[:limit])
        return Page(events, events[-1].position.encode() if len(found) > limit else None)


def person_of(session: Session, whose: HistoryOf, identifier: str) -> str:
    """The national code of whose history it is. Raises NotFoundError, as for a batch's, which is nobody's."""
    key = _plain(whose, identifier)
    queries = {
        HistoryOf.CITIZEN: select(Citizen.national_code).where(Citizen.national_code == key),
        HistoryOf.ORDER: select(Application.national_code).where(Application.id == key),
        HistoryOf.CARD: select(Card.national_code).where(Card.card_number == key),
    }
    found = session.scalar(queries[whose]) if whose in queries else None
    if found is None:
        raise NotFoundError(whose.value)
    return found


def _plain(whose: HistoryOf, identifier: str) -> str:
    text = ascii_digits(identifier.strip())
    if not (text.isascii() and text.isalnum()):  # PostgreSQL would not even compare some texts
        raise NotFoundError(whose.value)
    return text


def _record(session: Session, scope: Scope, before: Position | None, limit: int) -> Iterable[Event]:
    query = select(AuditEntry).where(AuditEntry.subject.in_(scope.subjects))
    if before is not None:
        moment = from_microseconds(before.time)
        here = before.number if before.source is Source.RECORD else 0
        query = query.where(
            or_(AuditEntry.time < moment, and_(AuditEntry.time == moment, AuditEntry.sequence < here))
        )
    newest = query.order_by(AuditEntry.time.desc(), AuditEntry.sequence.desc()).limit(limit)
    for entry, *said in session.execute(with_words(newest)):
        words = Words(*said)
        yield Event(
            Position(to_microseconds(entry.time), Source.RECORD, entry.sequence),
            entry.time,
            entry.actor,
            entry.action,
            entry.subject,
            why(entry, words),
            entry.details,
        )


def _ledger(session: Session, scope: Scope, before: Position | None, limit: int) -> Iterable[Event]:
    query = select(Movement).where(Movement.serial.in_(scope.bodies))
    if before is not None:
        query = query.where(_older(before))
    newest = query.order_by(Movement.at.desc(), Movement.number.desc(), Movement.serial.desc()).limit(limit)
    for row in session.scalars(newest):
        details: dict[str, Json] = {"from": row.from_state, "to": row.to_state, "office": row.to_office}
        yield Event(
            Position(to_microseconds(row.at), Source.LEDGER, row.number, row.serial),
            row.at,
            row.actor,
            f"stock.{row.kind}",
            f"body:{row.serial}",
            row.reason,
            details,
        )


def _older(before: Position) -> ColumnElement[bool]:
    moment = from_microseconds(before.time)
    if before.source is Source.RECORD:  # the ledger's events of one moment stand before the chain's
        return Movement.at <= moment
    same = Movement.at == moment
    return or_(
        Movement.at < moment,
        and_(same, Movement.number < before.number),
        and_(same, Movement.number == before.number, Movement.serial < before.serial),
    )
