"""Decisions on applications, by someone other than their author."""

from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.enrolment.models import NOTE_LENGTH, Application
from issuance.enrolment.repository import get_application, move
from issuance.errors import InvalidInputError, OwnWorkError
from issuance.lifecycle.states import ApplicationEvent
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.orders.repository import enqueue
from issuance.registry.text import fold
from pki.clock import Clock


class Approval:
    """The supervisor's part of an application."""

    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def approve(self, actor: Actor, application_id: str) -> None:
        """Lets the card be made. Raises OwnWorkError, RoleRequiredError or ForbiddenTransitionError."""
        self._decide(actor, application_id, ApplicationEvent.APPROVE, "")

    def send_back(self, actor: Actor, application_id: str, note: str) -> None:
        """Returns it to its author with what has to be corrected."""
        self._decide(actor, application_id, ApplicationEvent.RETURN, _needed(note))

    def refuse(self, actor: Actor, application_id: str, note: str) -> None:
        """Ends it for good, with the reason."""
        self._decide(actor, application_id, ApplicationEvent.REFUSE, _needed(note))

    def _decide(self, actor: Actor, application_id: str, event: ApplicationEvent, note: str) -> None:
        with self._database.writing() as session:
            application = get_application(session, application_id)
            if application.enrolled_by == actor.username:
                raise OwnWorkError
            actor.require(Role.SUPERVISOR)
            move(application, event)
            application.decided_by = actor.username
            application.decided_at = self._clock()
            application.decision_note = note
            if event is ApplicationEvent.APPROVE:
                enqueue(session, application, application.decided_at)
            self._record(session, application, event)

    def _record(self, session: Session, application: Application, event: ApplicationEvent) -> None:
        # The note may speak of the person, so the chain, which can't forget, does not hold it.
        actor = application.decided_by or ""
        self._audit.record(session, actor, f"application.{event}", f"application:{application.id}")


def _needed(note: str) -> str:
    tidy = fold(note)
    if not tidy:
        raise InvalidInputError("say why")
    if len(tidy) > NOTE_LENGTH:
        raise InvalidInputError(f"at most {NOTE_LENGTH} characters")
    return tidy
