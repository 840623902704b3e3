"""One editor at a time: whoever edits holds the application for a while; a supervisor can take it over."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from issuance.enrolment.errors import BeingEditedError, NotTakenOverError
from issuance.enrolment.models import Application, EditingLease
from issuance.errors import RoleRequiredError
from issuance.operators.models import Role
from issuance.operators.service import Actor

LEASE = timedelta(minutes=15)
"""From the last change on."""


def holder_of(session: Session, application_id: str, now: datetime) -> EditingLease | None:
    """The lease that runs now, if there is one."""
    lease = session.get(EditingLease, application_id)
    return lease if lease is not None and lease.expires_at > now else None


def hold(session: Session, application: Application, actor: Actor, now: datetime) -> None:
    """Takes the application for its enroller, or goes on for who has it.

    Raises BeingEditedError; for whoever has neither enrolled nor taken it over NotTakenOverError, where they
    could, else RoleRequiredError.
    """
    lease = holder_of(session, application.id, now)
    if lease is not None and lease.holder != actor.username:
        raise BeingEditedError(lease.holder, lease.expires_at)
    if lease is None and application.enrolled_by != actor.username:
        if actor.role is Role.SUPERVISOR:
            raise NotTakenOverError
        raise RoleRequiredError((application.enrolled_by, Role.SUPERVISOR.value))
    _write(session, application, actor, now)


def take_over(session: Session, application: Application, actor: Actor, now: datetime) -> str | None:
    """Takes it whoever has it; returns who had. Raises RoleRequiredError: a supervisor's right."""
    actor.require(Role.SUPERVISOR)
    lease = holder_of(session, application.id, now)
    before = None if lease is None else lease.holder
    _write(session, application, actor, now)
    return before


def give_back(session: Session, application: Application, actor: Actor) -> None:
    """Ends the actor's own lease; there may be none."""
    lease = session.get(EditingLease, application.id)
    if lease is not None and lease.holder == actor.username:
        session.delete(lease)


def _write(session: Session, application: Application, actor: Actor, now: datetime) -> None:
    session.merge(EditingLease(application_id=application.id, holder=actor.username, expires_at=now + LEASE))
