"""Looking at people's records: what is read and the note of it are one transaction, or neither is."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from issuance.database import Database
from issuance.enrolment.models import Application
from issuance.identifiers import Randomness, new_identifier
from issuance.lookups.cursor import Place, decode
from issuance.lookups.models import RecordLookup, What
from issuance.lookups.purposes import Said
from issuance.offices.models import Office
from issuance.operators.service import Actor
from pki.clock import Clock

PAGE = 100


@dataclass(frozen=True)
class Looker:
    """Who looks, and why."""

    actor: Actor
    said: Said


@dataclass(frozen=True)
class LookView:
    """A look as its person is told of it: no name of a clerk."""

    at: datetime
    office: str
    persian_office: str
    latin_office: str
    role: str
    purpose: str
    case_number: str | None
    what: str


@dataclass(frozen=True)
class LooksPage:
    """Looks at one person's record, newest first."""

    looks: list[LookView]
    cursor: str | None
    """Leads to the older ones; None: there are none."""


class Looking:
    """An open look. Whoever shows something says whose it is with `saw`, before the transaction ends."""

    def __init__(self, session: Session, looker: Looker, at: datetime, randomness: Randomness) -> None:
        self.session = session
        self._looker = looker
        self._at = at
        self._randomness = randomness

    def saw(self, what: What, national_code: str, application_id: str | None = None) -> None:
        """Notes a look at one person's record."""
        actor, said = self._looker.actor, self._looker.said
        self.session.add(
            RecordLookup(
                id=new_identifier(self._randomness),
                national_code=national_code,
                at=self._at,
                operator=actor.username,
                role=actor.role.value,
                office=actor.office,
                purpose=said.purpose.value,
                case_number=said.case,
                what=what.value,
                application_id=application_id,
            )
        )

    def saw_all(self, what: What, applications: Iterable[Application]) -> None:
        """The same for each of these."""
        for application in applications:
            self.saw(what, application.national_code, application.id)


class Lookups:
    """The looks at one registry's records."""

    def __init__(self, database: Database, clock: Clock, randomness: Randomness) -> None:
        self._database = database
        self._clock = clock
        self._randomness = randomness

    @contextmanager
    def looking(self, looker: Looker) -> Iterator[Looking]:
        """A transaction in which records are read and looks noted: when it fails, nothing is shown."""
        with self._database.writing() as session:
            yield Looking(session, looker, self._clock(), self._randomness)

    def at_person(self, national_code: str, cursor: str | None = None) -> LooksPage:
        """The newest PAGE looks at a person's record, or those after a page. Raises InvalidInputError."""
        query = (
            select(RecordLookup, Office)
            .join(Office, Office.code == RecordLookup.office)
            .where(RecordLookup.national_code == national_code)
        )
        if cursor is not None:
            last = decode(cursor)
            same_moment = and_(RecordLookup.at == last.at, RecordLookup.id > last.id)
            query = query.where(or_(RecordLookup.at < last.at, same_moment))
        newest = query.order_by(RecordLookup.at.desc(), RecordLookup.id).limit(PAGE + 1)
        with self._database.reading() as session:
            rows = session.execute(newest).all()
        shown = rows[:PAGE]
        last_shown = shown[-1][0] if len(rows) > PAGE else None
        more = Place(last_shown.at, last_shown.id).encode() if last_shown is not None else None
        return LooksPage([_view(look, office) for look, office in shown], more)


def _view(row: RecordLookup, office: Office) -> LookView:
    names = office.persian_name, office.latin_name
    return LookView(row.at, row.office, *names, row.role, row.purpose, row.case_number, row.what)
