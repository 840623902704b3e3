"""Decisions on applications, by someone other than their authors."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from issuance.approval.reasons import Reason, remarks
from issuance.audit import Audit
from issuance.database import Database
from issuance.duplicates.service import Duplicates, require_decided
from issuance.enrolment.authors import require_no_author
from issuance.enrolment.confirmation import Confirmation
from issuance.enrolment.errors import VersionConflictError
from issuance.enrolment.kinds import RULES
from issuance.enrolment.models import Application
from issuance.enrolment.repository import get_application, move, require_version
from issuance.enrolment.seals import require_sealed, seal_approval
from issuance.lifecycle.states import APPLICATION, ApplicationEvent, ApplicationState
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.orders.repository import enqueue
from issuance.registry.text import fold
from pki.clock import Clock


class Approval:
    """The supervisor's part of an application."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        confirmation: Confirmation,
        duplicates: Duplicates,
        clock: Clock,
    ) -> None:
        self._database = database
        self._audit = audit
        self._confirmation = confirmation
        self._duplicates = duplicates
        self._clock = clock

    def approve(
        self,
        actor: Actor,
        application_id: str,
        version: int | None = None,
        note: str = "",
        also: Callable[[Session], None] | None = None,
    ) -> None:
        """Lets the card be made; a note may go with it, and `also` is done in the same transaction.

        Raises OwnWorkError, RoleRequiredError, ForbiddenTransitionError, VersionConflictError,
        CivilRegisterError, MatchesUndecidedError or SamePersonError.
        """
        submitted_at = self.check(actor, application_id, ApplicationEvent.APPROVE, version)
        self._confirmation.require(actor.username, application_id, RULES.register_approval)
        self._duplicates.search_again(actor.username, application_id)
        with self._database.writing() as session:
            application = get_application(session, application_id, locked=True)
            if application.submitted_at != submitted_at:  # it went back, was changed and came again meanwhile
                raise VersionConflictError(version or application.version, application.version)
            require_decided(session, application)
            require_sealed(session, application)
            self._decide(session, actor, application, ApplicationEvent.APPROVE, fold(note), ())
            if also is not None:
                also(session)

    def send_back(
        self,
        actor: Actor,
        application_id: str,
        note: str,
        reasons: Sequence[Reason] = (),
        version: int | None = None,
    ) -> None:
        """Returns it to its author with what has to be corrected."""
        self._decline(actor, application_id, ApplicationEvent.RETURN, remarks(note, reasons), version)

    def refuse(
        self,
        actor: Actor,
        application_id: str,
        note: str,
        reasons: Sequence[Reason] = (),
        version: int | None = None,
    ) -> None:
        """Ends it for good, with the reason."""
        self._decline(actor, application_id, ApplicationEvent.REFUSE, remarks(note, reasons), version)

    def check(
        self, actor: Actor, application_id: str, event: ApplicationEvent, version: int | None
    ) -> datetime | None:
        """Raises what stands in the way, before anybody else is asked.

        Returns when what it looked at was submitted.
        """
        with self._database.reading() as session:
            application = get_application(session, application_id)
            _require_other(session, actor, application)
            APPLICATION.after(ApplicationState(application.state), event)
            require_version(application, version)
            require_sealed(session, application)
            return application.submitted_at

    def _decline(
        self,
        actor: Actor,
        application_id: str,
        event: ApplicationEvent,
        said: tuple[str, tuple[Reason, ...]],
        version: int | None,
    ) -> None:
        with self._database.writing() as session:
            application = get_application(session, application_id, locked=True)
            require_version(application, version)
            self._decide(session, actor, application, event, *said)

    def _decide(
        self,
        session: Session,
        actor: Actor,
        application: Application,
        event: ApplicationEvent,
        note: str,
        reasons: tuple[Reason, ...],
    ) -> None:
        _require_other(session, actor, application)
        move(application, event)
        application.decided_by = actor.username
        application.decided_at = self._clock()
        application.decision_note = note
        application.decision_reasons = " ".join(reasons)
        if event is ApplicationEvent.APPROVE:
            seal_approval(session, application)
            enqueue(session, application, application.decided_at)
        # The note may speak of the person, so the chain, which can't forget, does not hold it.
        details = {"reasons": list(reasons)} if reasons else {}
        subject = f"application:{application.id}"
        self._audit.record(session, actor.username, f"application.{event}", subject, details)


def _require_other(session: Session, actor: Actor, application: Application) -> None:
    actor.require_office(application.office, "application")
    require_no_author(session, application, actor.username)
    actor.require(Role.SUPERVISOR)
