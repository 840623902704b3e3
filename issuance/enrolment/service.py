"""Opening, correcting and submitting applications."""

import re
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.enrolment.models import Application
from issuance.enrolment.portrait import normalise_portrait
from issuance.enrolment.repository import get_application, move, open_application_of
from issuance.errors import InvalidNameError, LiveCardError, OpenApplicationError, RoleRequiredError
from issuance.identifiers import Randomness, new_identifier
from issuance.lifecycle.cards import live_card_of
from issuance.lifecycle.states import ApplicationEvent, ApplicationState
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.registry.citizens import Citizens
from pki.clock import Clock

MAX_LATIN_NAME = 39  # one MRZ line of a TD2 document and more than any printed field holds
_LATIN_NAME = re.compile(r"[A-Za-z][A-Za-z'\- ]*")


@dataclass(frozen=True)
class NewApplication:
    """What a clerk captures. Latin names left out are taken from the civil register."""

    national_code: str = field(repr=False)
    """As typed: any digits, separators allowed."""
    birth_date: date = field(repr=False)
    portrait: bytes = field(repr=False)
    """JPEG."""
    latin_given_name: str | None = field(default=None, repr=False)
    latin_surname: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Correction:
    """What a clerk changes in a draft or returned application; None leaves a thing as it is."""

    portrait: bytes | None = field(default=None, repr=False)
    latin_given_name: str | None = field(default=None, repr=False)
    latin_surname: str | None = field(default=None, repr=False)


class Enrolment:
    """The clerk's part of an application."""

    def __init__(
        self, database: Database, audit: Audit, citizens: Citizens, clock: Clock, randomness: Randomness
    ) -> None:
        self._database = database
        self._audit = audit
        self._citizens = citizens
        self._clock = clock
        self._randomness = randomness

    def open(self, actor: Actor, new: NewApplication) -> str:
        """Opens a draft and returns its identifier.

        Raises InvalidInputError, CivilRegisterError, OpenApplicationError or LiveCardError.
        """
        actor.require(Role.CLERK, Role.SUPERVISOR)
        record = self._citizens.confirm(new.national_code, new.birth_date)
        portrait = normalise_portrait(new.portrait)
        latin = (
            _latin("latin_given_name", new.latin_given_name or record.latin_given_name),
            _latin("latin_surname", new.latin_surname or record.latin_surname),
        )
        try:
            with self._database.writing() as session:
                _refuse_second(session, record.national_code)
                citizen = self._citizens.take_over(session, record)
                application = Application(
                    id=new_identifier(self._randomness),
                    national_code=citizen.national_code,
                    office=actor.office,
                    state=ApplicationState.DRAFT.value,
                    latin_given_name=latin[0],
                    latin_surname=latin[1],
                    portrait=portrait,
                    enrolled_by=actor.username,
                    created_at=self._clock(),
                )
                session.add(application)
                self._record(session, actor, "opened", application)
                return application.id
        except IntegrityError as error:  # another clerk was faster, in another process
            raise OpenApplicationError(None) from error

    def correct(self, actor: Actor, application_id: str, correction: Correction) -> None:
        """Changes a draft or returned application; only who enrolled it may."""
        portrait = None if correction.portrait is None else normalise_portrait(correction.portrait)
        with self._database.writing() as session:
            application = self._own(session, actor, application_id)
            move(application, ApplicationEvent.EDIT)
            if portrait is not None:
                application.portrait = portrait
            if correction.latin_given_name is not None:
                application.latin_given_name = _latin("latin_given_name", correction.latin_given_name)
            if correction.latin_surname is not None:
                application.latin_surname = _latin("latin_surname", correction.latin_surname)
            self._record(session, actor, "corrected", application)

    def submit(self, actor: Actor, application_id: str) -> None:
        """Hands the application over for approval; only who enrolled it may."""
        with self._database.writing() as session:
            application = self._own(session, actor, application_id)
            move(application, ApplicationEvent.SUBMIT)
            application.submitted_at = self._clock()
            application.decided_by = application.decided_at = None
            self._record(session, actor, "submitted", application)

    def _own(self, session: Session, actor: Actor, application_id: str) -> Application:
        # One author per application: that keeps "nobody decides on their own work" a plain constraint.
        application = get_application(session, application_id)
        if application.enrolled_by != actor.username:
            raise RoleRequiredError((application.enrolled_by,))
        return application

    def _record(self, session: Session, actor: Actor, what: str, application: Application) -> None:
        self._audit.record(session, actor.username, f"application.{what}", f"application:{application.id}")


def _refuse_second(session: Session, national_code: str) -> None:
    already = open_application_of(session, national_code)
    if already is not None:
        raise OpenApplicationError(already.id)
    if live_card_of(session, national_code) is not None:
        raise LiveCardError


def _latin(field_name: str, name: str) -> str:
    tidy = " ".join(name.split())
    if len(tidy) > MAX_LATIN_NAME:
        raise InvalidNameError(field_name, f"has more than {MAX_LATIN_NAME} letters")
    if not _LATIN_NAME.fullmatch(tidy):
        raise InvalidNameError(field_name, "only Latin letters, spaces, hyphens and apostrophes are printed")
    return tidy
