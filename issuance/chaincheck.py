"""Whether what the registry holds is what its audit chain tells: each state, and who brought it about.

Nothing but the chain's own entries says that somebody approved, handed over or revoked. Tables and chain are
read side by side in the order of their keys, a row of each at a time, however many there are.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, collate, exists, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from issuance.audit import AuditEntry
from issuance.enrolment.models import Application
from issuance.lifecycle.models import Card
from issuance.lifecycle.states import ApplicationState, CardState
from issuance.operators.models import Operator
from issuance.people.models import Erasure
from issuance.production.models import Production
from pki.auditchain import Json
from pki.store.bulk import dialect_of

_AT_ONCE = 1000
_AFTER_APPROVAL = frozenset(
    {
        ApplicationState.APPROVED,
        ApplicationState.IN_PRODUCTION,
        ApplicationState.INSPECTION,
        ApplicationState.READY,
        ApplicationState.DELIVERED,
    }
)
_DRAFT = frozenset({ApplicationState.DRAFT})
_OF_APPLICATIONS: dict[str, frozenset[ApplicationState]] = {
    "application.opened": _DRAFT,
    "application.corrected": _DRAFT,
    "application.record_accepted": _DRAFT,
    "application.submitted": frozenset({ApplicationState.SUBMITTED}),
    "application.return": frozenset({ApplicationState.RETURNED}),
    "application.refuse": frozenset({ApplicationState.REFUSED}),
    "application.approve": _AFTER_APPROVAL,
    "application.withdrawn": frozenset({ApplicationState.WITHDRAWN}),
}
_HANDS = frozenset({*list(_OF_APPLICATIONS)[:4]})
_DECISIONS = frozenset({"application.return", "application.refuse", "application.approve"})
_DECIDED = _AFTER_APPROVAL | {ApplicationState.REFUSED, ApplicationState.RETURNED}
_OF_CARDS = {
    "card.taken": CardState.IN_PRODUCTION,
    "card.produced": CardState.PRODUCED,
    "card.delivered": CardState.ACTIVE,
    "card.suspended": CardState.SUSPENDED,
    "card.resumed": CardState.ACTIVE,
    "card.revoked": CardState.REVOKED,
}
_OF_OPERATORS = ("operator.created", "operator.confirmed")
_OF_ERASURES = ("erasure.done",)

_Entry = Row[str, str, str, dict[str, Json]]
"""Subject, action, actor and details."""
_Row = Row[*tuple[Any, ...]]
"""The key first."""


@dataclass(frozen=True)
class Discrepancy:
    """Where the tables say otherwise than the chain."""

    subject: str
    """As the chain names it."""
    detail: str


def discrepancies(session: Session) -> Iterator[Discrepancy]:
    """All of them, none where tables and chain agree; the session is to see one moment of both."""
    application = select(
        Application.id,
        Application.state,
        Application.enrolled_by,
        Application.decided_by,
        exists().where(Card.application_id == Application.id, Card.state == CardState.VOIDED).label("void"),
    )
    yield from _compared(session, "application", application, Application.id, [*_OF_APPLICATIONS])
    ended = exists().where(
        Production.card_number == Card.card_number,
        AuditEntry.subject == literal("production:").concat(Production.id),
        AuditEntry.action == "production.voided",
    )
    card = select(Card.card_number, Card.state, Card.delivered_at, ended.label("void"))
    yield from _compared(session, "card", card, Card.card_number, [*_OF_CARDS])
    operator = select(
        Operator.username, Operator.role, Operator.office, Operator.change_id, Operator.change_confirmed_by
    )
    yield from _compared(session, "operator", operator, Operator.username, _OF_OPERATORS)
    erasure = select(Erasure.id, Erasure.confirmed_by)
    yield from _compared(session, "erasure", erasure, Erasure.id, _OF_ERASURES)


def _compared(
    session: Session,
    kind: str,
    query: Select[*tuple[Any, ...]],
    key: InstrumentedAttribute[str],
    actions: Iterable[str],
) -> Iterator[Discrepancy]:
    ordered = query.order_by(_octets(session, key)).execution_options(yield_per=_AT_ONCE)
    for row, entries in _beside(session.execute(ordered), _told(session, kind, actions)):
        subject = f"{kind}:{_name(entries) if row is None else row[0]}"
        details = ["the chain tells of it, and it is gone"] if row is None else _JUDGES[kind](row, entries)
        yield from (Discrepancy(subject, detail) for detail in details)


def _told(session: Session, kind: str, actions: Iterable[str]) -> Iterator[list[_Entry]]:
    """The chain's entries, those of one subject together, in the order of the subjects' names."""
    columns = AuditEntry.subject, AuditEntry.action, AuditEntry.actor, AuditEntry.details
    mine = AuditEntry.action.in_([*actions]), AuditEntry.subject.startswith(f"{kind}:")
    ordered = (
        select(*columns).where(*mine).order_by(_octets(session, AuditEntry.subject), AuditEntry.sequence)
    )
    rows = session.execute(ordered, execution_options={"yield_per": _AT_ONCE})
    return (list(group) for _, group in groupby(rows, lambda entry: entry.subject))


def _octets(session: Session, column: InstrumentedAttribute[str]) -> ColumnElement[str]:
    """In the order in which Python compares texts, too."""
    return collate(column, "C") if dialect_of(session) == "postgresql" else column.expression


def _beside(rows: Iterable[_Row], told: Iterator[list[_Entry]]) -> Iterator[tuple[_Row | None, list[_Entry]]]:
    """Each row with what is told of it; entries without a row beside None."""
    entries = next(told, None)
    for row in rows:
        while entries is not None and _name(entries) < row[0]:
            yield None, entries
            entries = next(told, None)
        if entries is not None and _name(entries) == row[0]:
            yield row, entries
            entries = next(told, None)
        else:
            yield row, []
    while entries is not None:
        yield None, entries
        entries = next(told, None)


def _name(entries: list[_Entry]) -> str:
    return str(entries[0].subject).partition(":")[2]


def _application(row: _Row, entries: list[_Entry]) -> Iterator[str]:
    actions = [entry.action for entry in entries]
    allowed = _OF_APPLICATIONS[actions[-1]] if actions else frozenset()
    taken_back = row.state == ApplicationState.WITHDRAWN and row.void and "application.approve" in actions
    if row.state not in allowed and not taken_back:
        yield f"it is {row.state}, and the chain's last word is {actions[-1] if actions else 'none'}"
    if row.enrolled_by not in [entry.actor for entry in entries if entry.action == "application.opened"]:
        yield "opened by somebody else than the chain tells"
    decisions = [entry.actor for entry in entries if entry.action in _DECISIONS]
    if row.state in _DECIDED and decisions[-1:] != [row.decided_by]:
        yield "decided by somebody else than the chain tells"
    hands = {entry.actor for entry in entries if entry.action in _HANDS}
    if hands & {entry.actor for entry in entries if entry.action == "application.approve"}:
        yield "approved by somebody who had a hand in it"


def _card(row: _Row, entries: list[_Entry]) -> Iterator[str]:
    actions = [entry.action for entry in entries]
    told = _OF_CARDS[actions[-1]] if actions else None
    ends = {CardState.VOIDED, CardState.REVOKED} if row.void else {CardState.REVOKED} & {told}
    right = row.state in ends if row.state in {CardState.VOIDED, CardState.REVOKED} else row.state == told
    if not right:
        yield f"it is {row.state}, and the chain's last word is {actions[-1] if actions else 'none'}"
    if row.delivered_at is not None and "card.delivered" not in actions:
        yield "handed over, and the chain tells of no delivery"


def _operator(row: _Row, entries: list[_Entry]) -> Iterator[str]:
    if not entries:
        yield "the chain tells of no such account"
        return
    last = entries[-1]
    changed = last.action == "operator.confirmed"
    by_chain = (last.details["change"], last.actor) if changed else (None, None)
    if (row.change_id, row.change_confirmed_by) != by_chain:
        yield "changed otherwise than the chain tells"
    if row.role != last.details["role"] or (changed and row.office != last.details["office"]):
        yield f"its role is {row.role} in office {row.office}, and the chain tells of another"


def _erasure(row: _Row, entries: list[_Entry]) -> Iterator[str]:
    if [row.confirmed_by] != ([entry.actor for entry in entries] or [None]):
        yield "confirmed by somebody else than the chain tells"


_JUDGES = {"application": _application, "card": _card, "operator": _operator, "erasure": _erasure}
