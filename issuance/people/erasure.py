"""Erasing a person's data: asked for by one, confirmed by another, on record, and for good.

The rows stay, so that certificates, bodies and the audit chain still add up, and tell of nobody: each value
that is encrypted is overwritten, and a code that nobody has takes the place of the national code. What the
authority has to keep of its certificates is in its own record, and stays (docs/personal-data.md).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Column,
    Table,
    case,
    delete,
    insert,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Base, Database
from issuance.enrolment.kinds import RULES
from issuance.enrolment.repository import open_application_of
from issuance.errors import NotFoundError
from issuance.identifiers import Randomness, new_identifier
from issuance.lifecycle.cards import live_card_of
from issuance.lifecycle.models import Card
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.people.errors import ErasedAlreadyError, NotErasableError, OwnErasureError
from issuance.people.holdings import Holdings, holdings_of
from issuance.people.models import Erasure, Ground
from issuance.registry.models import CODE_LENGTH, Citizen, indexed
from issuance.selfservice.models import CitizenSession
from pki.clock import Clock
from pki.store.bulk import table_of
from pki.store.encrypted import EncryptedBytes, EncryptedDate, EncryptedJson, EncryptedText

MOST = 100
"""Waiting ones in a list."""
GONE = "erased"
"""Stands where a text was."""
_NO_DATE = date(1000, 1, 1)
"""Nobody's who comes to a registry, and a day in both calendars."""
_BLANKS: Mapping[type, object] = {
    EncryptedText: GONE,
    EncryptedBytes: b"",
    EncryptedDate: _NO_DATE,
    EncryptedJson: {},
}


class Erasures:
    """Erasures of one registry."""

    def __init__(self, database: Database, audit: Audit, clock: Clock, randomness: Randomness) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._randomness = randomness

    def request(self, actor: Actor, national_code: str, ground: Ground) -> str:
        """Asks for it, and returns its identifier.

        Raises RoleRequiredError, NotFoundError, NotErasableError or ErasedAlreadyError.
        """
        actor.require(Role.SUPERVISOR)
        now = self._clock()
        with self._database.writing() as session:
            if session.get(Citizen, national_code) is None:
                raise NotFoundError("person")
            _require_erasable(session, national_code, ground, now)
            if session.scalar(select(Erasure.id).where(Erasure.national_code == national_code)) is not None:
                raise ErasedAlreadyError
            erasure = Erasure(
                id=new_identifier(self._randomness),
                national_code=national_code,
                ground=ground.value,
                requested_by=actor.username,
                requested_at=now,
            )
            session.add(erasure)
            subject, details = f"erasure:{erasure.id}", {"ground": ground.value}
            self._audit.record(session, actor.username, "erasure.requested", subject, details)
            return erasure.id

    def confirm(self, actor: Actor, erasure_id: str) -> None:
        """Erases: everything in one transaction, and nothing brings it back but a backup.

        Raises RoleRequiredError, NotFoundError, OwnErasureError, ErasedAlreadyError or NotErasableError.
        """
        actor.require(Role.SUPERVISOR)
        now = self._clock()
        with self._database.writing() as session:
            erasure = _erasure(session, erasure_id)
            if erasure.requested_by == actor.username:
                raise OwnErasureError
            national_code = erasure.national_code
            # Who refers to the person meanwhile waits, and then finds them gone.
            session.execute(select(Citizen).where(Citizen.national_code == national_code).with_for_update())
            _require_erasable(session, national_code, Ground(erasure.ground), now)
            session.execute(delete(CitizenSession).where(CitizenSession.national_code == national_code))
            held, nobody = holdings_of(session, national_code), self._nobody()
            _add(session, nobody, held)
            # In one: the database lets codes give way to that of an erasure that is being done alone.
            erasure.confirmed_by, erasure.confirmed_at = actor.username, now
            erasure.national_code, erasure.replaced = nobody, national_code
            session.flush()
            erase(session, national_code, nobody, held)
            session.get_one(Erasure, erasure_id).replaced = None
            details = {table: len(rows) for table, rows in sorted(held.items())}
            self._audit.record(
                session, actor.username, "erasure.done", f"erasure:{erasure_id}", {"rows": details}
            )

    def waiting(self, actor: Actor) -> Sequence[Erasure]:
        """The newest MOST that nobody has confirmed, oldest first. Raises RoleRequiredError."""
        actor.require(Role.SUPERVISOR, Role.AUDITOR)
        query = select(Erasure).where(Erasure.confirmed_by.is_(None))
        with self._database.reading() as session:
            newest = session.scalars(query.order_by(Erasure.requested_at.desc(), Erasure.id).limit(MOST))
            return list(newest)[::-1]

    def withdraw(self, actor: Actor, erasure_id: str) -> None:
        """Takes back one that nobody has confirmed: it stood in the way of another one.

        Raises RoleRequiredError, NotFoundError or ErasedAlreadyError.
        """
        actor.require(Role.SUPERVISOR)
        with self._database.writing() as session:
            erasure = _erasure(session, erasure_id)
            session.delete(erasure)
            subject = f"erasure:{erasure_id}"
            self._audit.record(session, actor.username, "erasure.withdrawn", subject, {})

    def _nobody(self) -> str:
        """No national code has letters."""
        return new_identifier(self._randomness)[: CODE_LENGTH - 1] + "X"


def _erasure(session: Session, erasure_id: str) -> Erasure:
    """One that waits, locked. Raises NotFoundError or ErasedAlreadyError."""
    usable = erasure_id.isascii() and erasure_id.isalnum()  # PostgreSQL would not compare some texts
    query = select(Erasure).where(Erasure.id == erasure_id).with_for_update()
    erasure = session.scalar(query) if usable else None
    if erasure is None:
        raise NotFoundError("erasure")
    if erasure.confirmed_by is not None:
        raise ErasedAlreadyError
    return erasure


def _add(session: Session, nobody: str, held: Holdings) -> None:
    citizens = table_of(Citizen)
    blank = {column.name: _blank(column) for column in citizens.columns if type(column.type) in _BLANKS}
    kept = {name: held["citizens"][0][name] for name in ("birth_precision", "confirmed_at")}
    digests = indexed(GONE, GONE, _NO_DATE)
    session.execute(insert(citizens), [{"national_code": nobody, **blank, **kept, **digests}])


def erase(session: Session, national_code: str, nobody: str, held: Holdings) -> None:
    """Overwrites what is encrypted in these rows, and puts `nobody` in the place of the code, everywhere.

    The database wants an erasure that is confirmed and has these two codes.
    """
    session.expire_all()
    citizens = table_of(Citizen)
    for name, rows in held.items():
        table = Base.metadata.tables[name]
        if table is not citizens:
            _overwrite(session, table, [tuple(row[key.name] for key in table.primary_key) for row in rows])
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.references(citizens.c.national_code):
                session.execute(update(table).where(column == national_code).values({column: nobody}))
    session.execute(delete(citizens).where(citizens.c.national_code == national_code))


def _overwrite(session: Session, table: Table, keys: list[tuple[Any, ...]]) -> None:
    values: dict[Column[Any], Any] = {
        column: case((column.is_(None), None), else_=literal(_blank(column), column.type))
        for column in table.columns
        if type(column.type) in _BLANKS
    }
    if table.name == "applications":
        values[table.c.seal] = values[table.c.approval_seal] = ""
        values[table.c.tracking_code] = None  # with a birth date it tells how far somebody is
    if not values:
        return
    columns = list(table.primary_key)
    for key in keys:
        which = tuple_(*columns, types=[column.type for column in columns]).in_([key])
        session.execute(update(table).where(which).values(values))


def _blank(column: "Column[Any]") -> object:
    return _BLANKS[type(column.type)]


def _require_erasable(session: Session, national_code: str, ground: Ground, now: datetime) -> None:
    """Raises NotErasableError. A court's word ends no card, but no other time has to be waited for."""
    if live_card_of(session, national_code) is not None:
        raise NotErasableError("the person has a live card; revoke it first")
    if open_application_of(session, national_code) is not None:
        raise NotErasableError("the person has an open application; refuse or withdraw it first")
    if ground is Ground.COURT:
        return
    query = select(Card.ended_at).where(Card.national_code == national_code, Card.ended_at.is_not(None))
    last = session.scalar(query.order_by(Card.ended_at.desc()).limit(1))
    if last is not None and last + RULES.kept > now:
        until = (last + RULES.kept).date()
        raise NotErasableError(f"records of a card are kept until {until.isoformat()}", until)
