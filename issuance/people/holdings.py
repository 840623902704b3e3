"""Everything that is held of a person: the rows that lead to them, by the foreign keys of all tables.

A table that comes later is found by its references, as long as it has them; the audit chain by its subjects.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Table, select, tuple_
from sqlalchemy.orm import Session

from issuance.audit import AuditEntry
from issuance.database import Base
from issuance.registry.models import Citizen
from pki.store.bulk import table_of

_AT_ONCE = 400
"""Values in one condition."""
_OTHERS = frozenset({("duplicate_matches", "national_code")})
"""References that lead from somebody else's matter: what is said there of this person stays there."""

Row = Mapping[str, Any]
Holdings = Mapping[str, Sequence[Row]]
"""Rows by table, each once."""


def holdings_of(session: Session, national_code: str) -> Holdings:
    """All rows of a person, decrypted; empty where nobody has the code."""
    citizens = table_of(Citizen)
    query = select(citizens).where(citizens.c.national_code == national_code)
    found: dict[str, dict[tuple[Any, ...], Row]] = {}
    waiting: list[tuple[Table, list[Row]]] = [
        (citizens, [dict(row) for row in session.execute(query).mappings()])
    ]
    while waiting:
        table, rows = waiting.pop()
        known = found.setdefault(table.name, {})
        fresh = [row for row in rows if _key(table, row) not in known]
        known |= {_key(table, row): row for row in fresh}
        if fresh:
            waiting += [
                (constraint.table, list(_referring(session, constraint, fresh)))
                for constraint in _references_to(table)
            ]
    return {name: list(rows.values()) for name, rows in found.items() if rows}


def audit_of(session: Session, holdings: Holdings) -> Iterator[AuditEntry]:
    """The entries about the person's applications, cards and runs; they name nobody."""
    keys = (
        ("application", "applications", "id"),
        ("card", "cards", "card_number"),
        ("production", "productions", "id"),
    )
    subjects = [f"{kind}:{row[key]}" for kind, table, key in keys for row in holdings.get(table, ())]
    for part in _parts(subjects):
        query = select(AuditEntry).where(AuditEntry.subject.in_(part)).order_by(AuditEntry.sequence)
        yield from session.scalars(query)


def _references_to(table: Table) -> Iterator[ForeignKeyConstraint]:
    for other in Base.metadata.sorted_tables:
        for constraint in other.foreign_key_constraints:
            named = {(other.name, column.name) for column in constraint.columns}
            if constraint.referred_table is table and not named & _OTHERS:
                yield constraint


def _referring(session: Session, constraint: ForeignKeyConstraint, rows: Sequence[Row]) -> Iterator[Row]:
    columns = [element.parent for element in constraint.elements]
    targets = [element.column.name for element in constraint.elements]
    values = {tuple(row[name] for name in targets) for row in rows}
    for part in _parts(sorted(values)):
        # Each value is bound by the type of its own column: some are encrypted.
        condition = (
            columns[0].in_([value[0] for value in part])
            if len(columns) == 1
            else tuple_(*columns, types=[column.type for column in columns]).in_(part)
        )
        query = select(constraint.table).where(condition)
        yield from (dict(row) for row in session.execute(query).mappings())


def _key(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.primary_key)


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
