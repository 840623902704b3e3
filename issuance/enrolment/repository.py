"""Applications in the database."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, false, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from issuance.enrolment.errors import VersionConflictError
from issuance.enrolment.models import Application
from issuance.errors import NotFoundError
from issuance.identifiers import LENGTH as IDENTIFIER_LENGTH
from issuance.lifecycle.states import (
    APPLICATION,
    OPEN_APPLICATION_STATES,
    ApplicationEvent,
    ApplicationState,
)
from issuance.registry.models import Citizen
from issuance.registry.search import wanted
from issuance.registry.text import fold

PAGE_SIZE = 20


@dataclass(frozen=True)
class Page:
    """One page of applications, newest first."""

    applications: list[Application]
    number: int
    """From 1."""
    total: int
    """Applications on all pages."""

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-self.total // PAGE_SIZE))


def get_application(session: Session, application_id: str, *, locked: bool = False) -> Application:
    """The application with its citizen. Raises NotFoundError.

    `locked`: on PostgreSQL nobody else changes it until the transaction ends; SQLite has one writer anyway.
    """
    if not (application_id.isascii() and application_id.isalnum()):
        raise NotFoundError("application")  # PostgreSQL would not even compare some texts
    query = select(Application).where(Application.id == application_id)
    if locked:
        query = query.with_for_update(of=Application)
    found = session.scalar(query.options(joinedload(Application.citizen, innerjoin=True)))
    if found is None:
        raise NotFoundError("application")
    return found


def require_version(application: Application, seen: int | None) -> None:
    """Raises VersionConflictError unless it is still as it was looked at; None: whoever asks did not look."""
    if seen is not None and seen != application.version:
        raise VersionConflictError(seen, application.version)


def move(application: Application, event: ApplicationEvent) -> None:
    """Follows an arrow of the state machine. Raises ForbiddenTransitionError."""
    application.state = APPLICATION.after(ApplicationState(application.state), event).value


def open_application_of(session: Session, national_code: str) -> Application | None:
    """The person's open application, if there is one."""
    return session.scalar(
        select(Application).where(
            Application.national_code == national_code, Application.state.in_(OPEN_APPLICATION_STATES)
        )
    )


def find_applications(
    session: Session, state: ApplicationState | None, words: str, page: int, office: str | None = None
) -> Page:
    """Applications in a state (None: any) of the person, or with the identifier, that `words` name.

    Of one office, or of all (None). Words are read as `registry.search` says.
    """
    conditions = [*_of_office(office), *_conditions(state, words)]
    query = select(Application).join(Citizen).where(*conditions).options(contains_eager(Application.citizen))
    newest = query.order_by(Application.created_at.desc(), Application.id)
    one_page = newest.limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
    rows = session.scalars(one_page.options(selectinload(Application.evidence)))
    total = session.scalar(select(func.count(Application.id)).where(*conditions)) or 0
    return Page(list(rows), page, total)


def count_by_state(session: Session, office: str | None = None) -> dict[ApplicationState, int]:
    """How many applications stand where, in one office or in all."""
    counted = select(Application.state, func.count()).where(*_of_office(office))
    rows = session.execute(counted.group_by(Application.state))
    return {ApplicationState(state): count for state, count in rows}


def _of_office(office: str | None) -> list[ColumnElement[bool]]:
    return [] if office is None else [Application.office == office]


def _conditions(state: ApplicationState | None, words: str) -> list[ColumnElement[bool]]:
    conditions = [] if state is None else [Application.state == state.value]
    if fold(words):
        conditions.append(_named(fold(words)))
    return conditions


def _named(words: str) -> ColumnElement[bool]:
    """Each way by an index of its own."""
    person = wanted(words)
    if person.national_code is not None:
        return Application.national_code == person.national_code
    if len(words) == IDENTIFIER_LENGTH and words.isascii() and words.isalnum():
        return Application.id == words.upper()
    ways = (
        (Citizen.pair_index if person.birth_date is None else Citizen.pair_birth_index, person.pairs),
        (Citizen.given_birth_index, person.dated_names),
        (Citizen.surname_birth_index, person.dated_names),
    )
    people = [select(Citizen.national_code).where(column.in_(keys)) for column, keys in ways if keys]
    return or_(false(), *(Application.national_code.in_(query) for query in people))
