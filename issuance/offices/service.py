"""Opening offices, and what each of them wants."""

import re
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.errors import InvalidInputError, NotFoundError, OfficeExistsError
from issuance.offices.models import OFFICE_CODE_LENGTH, OFFICE_NAME_LENGTH, Office
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.registry.text import fold

_CODE = re.compile(rf"[0-9A-Z]{{1,{OFFICE_CODE_LENGTH}}}")


@dataclass(frozen=True)
class NewOffice:
    """An office to be opened."""

    code: str
    """Digits and capital letters; it never changes."""
    persian_name: str
    latin_name: str
    province: str


def get_office(session: Session, code: str) -> Office:
    """The office. Raises NotFoundError."""
    found = session.get(Office, code)
    if found is None:
        raise NotFoundError("office")
    return found


class Offices:
    """All offices of one registry."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    def all(self) -> list[Office]:
        """By code."""
        with self._database.reading() as session:
            return list(session.scalars(select(Office).order_by(Office.code)))

    def open(self, actor: Actor, new: NewOffice) -> Office:
        """Adds an office. Raises InvalidInputError, OfficeExistsError or RoleRequiredError."""
        actor.require(Role.SUPERVISOR)
        if not _CODE.fullmatch(new.code):
            raise InvalidInputError(
                f"an office's code is 1 to {OFFICE_CODE_LENGTH} digits or capital letters"
            )
        office = Office(
            code=new.code,
            persian_name=_name(new.persian_name),
            latin_name=_name(new.latin_name),
            province=_name(new.province),
            inspects=False,
        )
        try:
            with self._database.writing() as session:
                session.add(office)
                self._audit.record(session, actor.username, "office.opened", f"office:{new.code}")
        except IntegrityError as error:
            raise OfficeExistsError(new.code) from error
        return office

    def set_inspection(self, actor: Actor, code: str, *, inspects: bool) -> Office:
        """Whether a second person looks at the office's cards, from now on.

        The office's supervisor begins that. Who ends it is an administrator, who makes no cards.
        Raises RoleRequiredError, NotFoundError.
        """
        actor.require(Role.SUPERVISOR if inspects else Role.ADMINISTRATOR)
        if inspects:
            actor.require_office(code, "office")
        with self._database.writing() as session:
            office = get_office(session, code)
            office.inspects = inspects
            details = {"inspects": inspects}
            self._audit.record(session, actor.username, "office.inspection", f"office:{code}", details)
            return office


def _name(text: str) -> str:
    tidy = fold(text)
    if not 1 <= len(tidy) <= OFFICE_NAME_LENGTH:
        raise InvalidInputError(f"a name has 1 to {OFFICE_NAME_LENGTH} letters")
    return tidy
