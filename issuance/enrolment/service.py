"""Opening, editing, submitting and withdrawing applications."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.duplicates.service import Duplicates
from issuance.enrolment import leases
from issuance.enrolment.authors import add_author
from issuance.enrolment.confirmation import Confirmation
from issuance.enrolment.errors import NoCardToReplaceError
from issuance.enrolment.evidence import Shown, note, require_complete, require_stopped
from issuance.enrolment.kinds import RULES, ApplicationKind, Replaced, ReplacementCause
from issuance.enrolment.models import Application
from issuance.enrolment.portrait import normalise_portrait
from issuance.enrolment.repository import get_application, move, open_application_of, require_version
from issuance.enrolment.seals import require_sealed, seal
from issuance.errors import (
    DeceasedError,
    InvalidNameError,
    LiveCardError,
    OpenApplicationError,
    RoleRequiredError,
)
from issuance.identifiers import Randomness, new_identifier
from issuance.lifecycle.cards import last_delivered_card_of, live_card_of
from issuance.lifecycle.states import APPLICATION, ApplicationEvent, ApplicationState, CardState
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.registry.citizens import Citizens, changes
from issuance.registry.civilregister import CivilRecord
from issuance.tracking.codes import new_tracking_code
from pki.clock import Clock

MAX_LATIN_NAME = 39  # one MRZ line of a TD2 document and more than any printed field holds
_LATIN_NAME = re.compile(r"[A-Za-z][A-Za-z'\- ]*")
_IN_HANDS = frozenset({CardState.ACTIVE, CardState.SUSPENDED})


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
    kind: ApplicationKind = ApplicationKind.NEW
    cause: ReplacementCause | None = None
    """Of a replacement."""
    evidence: tuple[Shown, ...] = ()


@dataclass(frozen=True)
class Correction:
    """What a clerk changes in a draft or returned application; None leaves a thing as it is."""

    portrait: bytes | None = field(default=None, repr=False)
    latin_given_name: str | None = field(default=None, repr=False)
    latin_surname: str | None = field(default=None, repr=False)
    evidence: tuple[Shown, ...] = ()
    version: int | None = None
    """What the clerk looked at, if the client says so."""


class Enrolment:
    """The clerk's part of an application."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        citizens: Citizens,
        confirmation: Confirmation,
        duplicates: Duplicates,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._database = database
        self._audit = audit
        self._citizens = citizens
        self._confirmation = confirmation
        self._duplicates = duplicates
        self._clock = clock
        self._randomness = randomness

    def open(self, actor: Actor, new: NewApplication) -> str:
        """Opens a draft and returns its identifier.

        Raises InvalidInputError, CivilRegisterError, OpenApplicationError, LiveCardError or
        NoCardToReplaceError.
        """
        actor.require(Role.CLERK, Role.SUPERVISOR)
        replaces = RULES.rule(new.kind, new.cause).replaces
        record = self._citizens.confirm(new.national_code, new.birth_date)
        portrait = normalise_portrait(new.portrait)
        latin = _latin_names(record, new.latin_given_name, new.latin_surname)
        try:
            with self._database.writing() as session:
                card = _card_to_replace(session, record.national_code, replaces)
                citizen = self._citizens.take_over(session, record)
                application = Application(
                    id=new_identifier(self._randomness),
                    national_code=citizen.national_code,
                    office=actor.office,
                    kind=new.kind.value,
                    cause=None if new.cause is None else new.cause.value,
                    replaces=card,
                    state=ApplicationState.DRAFT.value,
                    latin_given_name=latin[0],
                    latin_surname=latin[1],
                    portrait=portrait,
                    enrolled_by=actor.username,
                    edited_by=actor.username,
                    portrait_by=actor.username,
                    created_at=self._clock(),
                )
                self._add(session, actor, application, record, new.evidence)
                return application.id
        except IntegrityError as error:  # another clerk was faster, in another process
            raise OpenApplicationError(None) from error

    def correct(self, actor: Actor, application_id: str, correction: Correction) -> None:
        """Changes a draft or returned application, for who enrolled it or has taken it over.

        What changes nothing is no edit. Raises BeingEditedError, RoleRequiredError, VersionConflictError or
        InvalidInputError.
        """
        portrait = None if correction.portrait is None else normalise_portrait(correction.portrait)
        with self._editing(actor, application_id, correction.version) as (session, application):
            APPLICATION.after(ApplicationState(application.state), ApplicationEvent.EDIT)
            if _apply(application, correction, portrait, actor) or correction.evidence:
                seal(session, application)
                _edit(session, application, actor)
                note(application, correction.evidence, actor.username, self._clock())
                self._record(session, actor, "corrected", application)

    def accept_record(self, actor: Actor, application_id: str, version: int | None = None) -> tuple[str, ...]:
        """Takes over what the civil register says now, and returns what has changed by that.

        Latin names follow where the names they spell changed. Raises as `correct`, and CivilRegisterError.
        """
        with self._database.reading() as reading:
            code = get_application(reading, application_id).national_code
        record = self._citizens.ask(code)
        if record.deceased_on is not None:
            raise DeceasedError
        with self._editing(actor, application_id, version) as (session, application):
            _edit(session, application, actor)
            changed = changes(application.citizen, record)
            if {"given_name", "surname"} & set(changed):
                names = _latin_names(record, None, None)
                application.latin_given_name, application.latin_surname = names
                seal(session, application)
            self._citizens.take_over(session, record)
            self._confirmation.keep(session, application, record, actor.username, taken_over=True)
            self._record(session, actor, "record_accepted", application)
            return changed

    def submit(self, actor: Actor, application_id: str, version: int | None = None) -> None:
        """Hands the application over for approval, when all that its kind needs is there.

        Raises as `correct`, and CivilRegisterError, EvidenceMissingError or CardNotStoppedError.
        """
        with self._database.reading() as reading:  # whoever may not submit asks no register
            application = get_application(reading, application_id)
            leases.hold(reading, application, actor, self._clock())
            require_version(application, version)
        self._confirmation.require(actor.username, application_id, RULES.register_submission)
        with self._editing(actor, application_id, version) as (session, application):
            move(application, ApplicationEvent.SUBMIT)
            require_complete(application)
            require_stopped(session, application)
            now = self._clock()
            application.submitted_at = now
            application.decided_by = application.decided_at = None
            add_author(session, application, actor.username)
            application.tracking_code = application.tracking_code or new_tracking_code(self._randomness)
            self._duplicates.refresh(session, application, actor.username)
            leases.give_back(session, application, actor)
            self._record(session, actor, "submitted", application)

    def withdraw(self, actor: Actor, application_id: str, version: int | None = None) -> None:
        """Ends the application at the citizen's wish, until a card is begun for it.

        For who enrolled it and for supervisors. Raises RoleRequiredError or ForbiddenTransitionError.
        """
        with self._database.writing() as session:
            application = get_application(session, application_id, locked=True)
            if actor.username != application.enrolled_by and actor.role is not Role.SUPERVISOR:
                raise RoleRequiredError((application.enrolled_by, Role.SUPERVISOR.value))
            require_version(application, version)
            move(application, ApplicationEvent.WITHDRAW)
            self._record(session, actor, "withdrawn", application)

    def take_over(self, actor: Actor, application_id: str) -> None:
        """Lets a supervisor edit what somebody else has open; recorded. Raises RoleRequiredError."""
        with self._database.writing() as session:
            application = get_application(session, application_id, locked=True)
            before = leases.take_over(session, application, actor, self._clock())
            subject = f"application:{application.id}"
            self._audit.record(session, actor.username, "application.taken_over", subject, {"from": before})

    def hold(self, actor: Actor, application_id: str) -> None:
        """Opens it for editing. Raises BeingEditedError or RoleRequiredError."""
        with self._editing(actor, application_id, None):
            pass

    def give_back(self, actor: Actor, application_id: str) -> None:
        """Closes it again, so that nobody has to wait."""
        with self._database.writing() as session:
            leases.give_back(session, get_application(session, application_id, locked=True), actor)

    @contextmanager
    def _editing(
        self, actor: Actor, application_id: str, version: int | None
    ) -> Iterator[tuple[Session, Application]]:
        with self._database.writing() as session:
            application = get_application(session, application_id, locked=True)
            leases.hold(session, application, actor, self._clock())
            require_version(application, version)
            require_sealed(session, application)
            yield session, application

    def _add(
        self,
        session: Session,
        actor: Actor,
        application: Application,
        record: CivilRecord,
        evidence: Sequence[Shown],
    ) -> None:
        note(application, evidence, actor.username, self._clock())
        session.add(application)
        add_author(session, application, actor.username)
        session.flush()
        self._confirmation.keep(session, application, record, actor.username, taken_over=True)
        leases.hold(session, application, actor, self._clock())
        self._record(session, actor, "opened", application)

    def _record(self, session: Session, actor: Actor, what: str, application: Application) -> None:
        self._audit.record(session, actor.username, f"application.{what}", f"application:{application.id}")


def _edit(session: Session, application: Application, actor: Actor) -> None:
    move(application, ApplicationEvent.EDIT)
    application.edited_by = actor.username
    # A returned application starts anew: the next decision may be anybody's who has had no hand in it.
    application.decided_by = application.decided_at = None
    add_author(session, application, actor.username)


def _apply(application: Application, correction: Correction, portrait: bytes | None, actor: Actor) -> bool:
    """Portrait and names as they are to be; whether anything is done by it. Raises InvalidNameError.

    A portrait was captured even where it is octet by octet the one that was there.
    """
    changed = portrait is not None
    if portrait is not None:
        application.portrait, application.portrait_by = portrait, actor.username
    for name in ("latin_given_name", "latin_surname"):
        wanted = getattr(correction, name)
        if wanted is not None and _latin(name, wanted) != getattr(application, name):
            setattr(application, name, _latin(name, wanted))
            changed = True
    return changed


def _card_to_replace(session: Session, national_code: str, replaces: Replaced) -> str | None:
    """The number of the card to replace. Raises OpenApplicationError, LiveCardError, NoCardToReplaceError."""
    already = open_application_of(session, national_code)
    if already is not None:
        raise OpenApplicationError(already.id)
    live = live_card_of(session, national_code)
    if replaces is Replaced.NONE:
        if live is not None:
            raise LiveCardError
        return None
    card = live if replaces is Replaced.LIVE else last_delivered_card_of(session, national_code)
    if card is None or (replaces is Replaced.LIVE and card.state not in _IN_HANDS):
        raise NoCardToReplaceError
    return card.card_number


def _latin_names(record: CivilRecord, given_name: str | None, surname: str | None) -> tuple[str, str]:
    given = given_name or record.latin_given_name
    family = _latin("latin_surname", surname or record.latin_surname)
    if not record.given_name and not given:  # one name only
        return "", family
    return _latin("latin_given_name", given), family


def _latin(field_name: str, name: str) -> str:
    tidy = " ".join(name.split())
    if len(tidy) > MAX_LATIN_NAME:
        raise InvalidNameError(field_name, f"has more than {MAX_LATIN_NAME} letters")
    if not _LATIN_NAME.fullmatch(tidy):
        raise InvalidNameError(field_name, "only Latin letters, spaces, hyphens and apostrophes are printed")
    return tidy
