"""What the civil register said of an application's person, and asking it again when that was long ago."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from issuance.audit import Audit
from issuance.database import Database
from issuance.enrolment.models import Application, RegisterAnswer
from issuance.enrolment.repository import get_application
from issuance.errors import DeceasedError, RecordChangedError
from issuance.registry.citizens import Citizens, changes
from issuance.registry.civilregister import CivilRecord
from pki.clock import Clock


class Confirmation:
    """Asks outside of any transaction: a register that is slow keeps nobody else waiting."""

    def __init__(self, database: Database, audit: Audit, citizens: Citizens, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._citizens = citizens
        self._clock = clock

    def require(self, username: str, application_id: str, longest: timedelta) -> None:
        """Asks again unless what the application goes by was said at most `longest` ago.

        Raises DeceasedError, RecordChangedError, UnknownCitizenError or CivilRegisterUnavailableError; what
        was answered is kept with the application all the same.
        """
        with self._database.reading() as session:
            application = get_application(session, application_id)
            code, answer = application.national_code, latest_answer(session, application_id)
        if answer is not None and answer.taken_over and self._clock() - answer.asked_at <= longest:
            return
        record = self._citizens.ask(code)
        with self._database.writing() as session:
            application = get_application(session, application_id, locked=True)
            changed = changes(application.citizen, record)
            alive = record.deceased_on is None
            self.keep(session, application, record, username, taken_over=alive and not changed)
        if not alive:
            raise DeceasedError
        if changed:
            raise RecordChangedError(changed)

    def keep(
        self,
        session: Session,
        application: Application,
        record: CivilRecord,
        username: str,
        *,
        taken_over: bool,
    ) -> None:
        """Adds an answer to the application."""
        last = latest_answer(session, application.id)
        number = 1 if last is None else last.number + 1
        answer = RegisterAnswer(
            application_id=application.id,
            number=number,
            asked_at=self._clock(),
            asked_by=username,
            revision=record.revision,
            taken_over=taken_over,
            record=record.as_data(),
        )
        session.add(answer)
        details = {"answer": number, "revision": record.revision, "taken_over": taken_over}
        subject = f"application:{application.id}"
        self._audit.record(session, username, "application.register_asked", subject, details)


def latest_answer(session: Session, application_id: str) -> RegisterAnswer | None:
    """What the civil register said last."""
    query = select(RegisterAnswer).where(RegisterAnswer.application_id == application_id)
    return session.scalar(query.order_by(RegisterAnswer.number.desc()).limit(1))


def answers_of(session: Session, application_id: str) -> list[RegisterAnswer]:
    """All that it said, oldest first."""
    query = select(RegisterAnswer).where(RegisterAnswer.application_id == application_id)
    return list(session.scalars(query.order_by(RegisterAnswer.number)))
