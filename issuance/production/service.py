"""Starting, resuming, voiding and watching runs."""

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from issuance.enrolment.repository import get_application, move
from issuance.enrolment.seals import require_approved
from issuance.errors import IssuanceError
from issuance.identifiers import new_identifier
from issuance.lifecycle.states import ApplicationEvent
from issuance.operators.service import Actor
from issuance.orders.repository import begin
from issuance.orders.service import PRODUCERS
from issuance.production.connection import CountingConnection, Job, Readers, connect_for, names_at, require_at
from issuance.production.errors import ProductionRunningError, ReaderInUseError, RunOvertakenError
from issuance.production.journal import Journal, get_production
from issuance.production.models import Production
from issuance.production.progress import Progress
from issuance.production.run import Run, RunStoppedError
from issuance.production.steps import ENDED, ProductionState, Step, StepState
from issuance.production.voiding import claim, void
from issuance.production.work import Workshop, subject_of
from pki.errors import PkiError
from pki.profiles.names import person_name

_LOG = logging.getLogger(__name__)
STATIONS = 16
"""Runs at a time in one process: each holds a thread and a reader."""


@dataclass(frozen=True)
class StepView:
    """The last try at one step."""

    step: Step
    state: StepState
    begun_at: datetime
    ended_at: datetime | None
    apdus: int


@dataclass(frozen=True)
class ProductionView:
    """A run as others see it."""

    id: str
    application_id: str
    card_number: str | None
    state: ProductionState
    moves: bool
    """Whether somebody is at work on it, making it or voiding it."""
    reader: str
    attempts: int
    apdus: int
    """Command APDUs over all attempts."""
    failure_kind: str | None
    failure_detail: str | None
    started_at: datetime
    finished_at: datetime | None
    steps: tuple[StepView, ...] = field(default=())

    @property
    def states(self) -> Mapping[Step, StepState]:
        """Where each begun step stands."""
        return {step.step: step.state for step in self.steps}


class ProductionLine:
    """All runs of one registry."""

    def __init__(self, shop: Workshop, readers: Readers) -> None:
        self.progress = Progress()
        self._shop = shop
        self._readers = readers
        self._pool = ThreadPoolExecutor(STATIONS, "production")
        self._lock = threading.Lock()
        self._at_work: dict[str, str] = {}  # reader → run

    def readers(self, actor: Actor) -> Sequence[str]:
        """The readers of the actor's office. Raises ReaderUnavailableError when there is no service."""
        return names_at(self._readers, actor.office)

    def start(self, actor: Actor, application_id: str, reader: str) -> str:
        """Begins or resumes the application's run in the background; returns the run's identifier.

        Raises at once what is wrong with application or reader: ForbiddenTransitionError,
        ProductionRunningError, ReaderInUseError, OrderHeldError, NotFoundError, a TransportError, or
        SubjectError for a name that no certificate takes.
        """
        production_id, connection = self._prepare(actor, application_id, reader)
        self._pool.submit(self._work, production_id, reader, connection).add_done_callback(_report)
        return production_id

    def produce(
        self, actor: Actor, application_id: str, reader: str, holder: str | None = None
    ) -> ProductionView:
        """As `start`, but returns when the attempt is over; `holder` has taken the order out of the queue."""
        production_id, connection = self._prepare(actor, application_id, reader, holder)
        self._work(production_id, reader, connection)
        return self.view(production_id)

    def void(self, actor: Actor, production_id: str) -> None:
        """Gives an interrupted run up. Raises NothingToVoidError or ProductionRunningError."""
        actor.require(*PRODUCERS)
        with self._shop.database.reading() as session:
            if self._is_at_work(get_production(session, production_id)):
                raise ProductionRunningError(production_id)
        self.finish_voiding(production_id, actor.username)

    def finish_voiding(self, production_id: str, actor: str) -> None:
        """Voids the run, or goes on with it.

        Raises NothingToVoidError, ProductionRunningError, or a PkiError: then the voiding stays open, and the
        run says why.
        """
        try:
            order = claim(self._shop, production_id)
            void(self._shop, self._journal(production_id), order, actor)
        finally:
            self.progress.changed()

    def finish_voidings(self) -> int:
        """Goes on with the voidings that a crash or the authority cut off; returns how many those were."""
        with self._shop.database.reading() as session:
            query = select(Production.id).where(Production.state == ProductionState.VOIDING)
            waiting = list(session.scalars(query))
        for production_id in waiting:
            self._try_to_void(production_id)
        return len(waiting)

    def finish_left_voidings(self) -> int:
        """As `finish_voidings`, but of those that no process has been at work on for a lease."""
        query = select(Production.id).where(
            Production.state == ProductionState.VOIDING, Production.lease_expires_at <= self._shop.clock()
        )
        with self._shop.database.reading() as session:
            waiting = list(session.scalars(query))
        for production_id in waiting:
            self._try_to_void(production_id)
        return len(waiting)

    def _try_to_void(self, production_id: str) -> None:
        """As far as the authority lets it: what stays open is on record, and stops nothing else."""
        try:
            self.finish_voiding(production_id, "system")
        except (IssuanceError, PkiError, StaleDataError) as error:
            _LOG.error("production %s can't be voided yet: %s", production_id, type(error).__name__)

    def view(self, production_id: str) -> ProductionView:
        """The run as it stands. Raises NotFoundError."""
        with self._shop.database.reading() as session:
            return self._view(get_production(session, production_id))

    def latest(self, application_id: str) -> ProductionView | None:
        """The application's newest run, if it has one."""
        query = select(Production).where(Production.application_id == application_id)
        with self._shop.database.reading() as session:
            newest = session.scalars(query.order_by(Production.started_at.desc()).limit(1)).first()
            return None if newest is None else self._view(newest)

    def close(self) -> None:
        """Waits for the runs at work."""
        self._pool.shutdown(wait=True)

    def _prepare(
        self, actor: Actor, application_id: str, reader: str, holder: str | None = None
    ) -> tuple[str, CountingConnection]:
        actor.require(*PRODUCERS)
        job = Job(actor.username, self._check_ready(actor, application_id))
        require_at(self._readers, actor.office, reader)
        with self._lock:
            if reader in self._at_work:
                raise ReaderInUseError(reader)
            self._at_work[reader] = ""
        connection: CountingConnection | None = None
        try:
            connection = connect_for(self._readers, reader, job)
            production_id = self._record_start(actor, application_id, reader, holder)
        except BaseException:
            if connection is not None:
                connection.close()
            self._release(reader)
            raise
        self._at_work[reader] = production_id
        return production_id, connection

    def _check_ready(self, actor: Actor, application_id: str) -> str | None:
        """Refuses what can't be produced before a card is touched; the number of a torn run's card."""
        with self._shop.database.reading() as session:
            application = get_application(session, application_id)
            actor.require_office(application.office, "application")
            torn = _open_run(session, application_id)
            if torn is None:
                move(application, ApplicationEvent.START_PRODUCTION)  # in a session that only reads
            elif self._is_at_work(torn) or torn.state == ProductionState.VOIDING:
                raise ProductionRunningError(torn.id)
            require_approved(session, application)
            if torn is not None:
                return torn.card_number
            subject = subject_of(application)  # no body is spent on a name that no certificate takes
            person_name(subject.national_code, subject.given_name, subject.surname)
            return None

    def _record_start(self, actor: Actor, application_id: str, reader: str, holder: str | None) -> str:
        now, passed_over = self._shop.clock(), 0
        with self._shop.database.writing() as session:
            production = _open_run(session, application_id)
            if production is None:
                passed_over = begin(session, application_id, holder, now)
                production = self._new(session, actor, application_id, now)
            elif self._is_at_work(production) or production.state == ProductionState.VOIDING:
                raise ProductionRunningError(production.id)
            else:
                production.attempts += 1
                production.resumed_by = actor.username
            production.state, production.reader = ProductionState.RUNNING.value, reader
            production.failure_kind = production.failure_detail = None
            production.lease_expires_at = now + self._shop.lease
            # Orders that were free and came before: whoever jumps the queue is on record.
            details = {"attempt": production.attempts, "passed_over": passed_over}
            subject = f"production:{production.id}"
            self._shop.audit.record(session, actor.username, "production.started", subject, details)
            return production.id

    def _new(self, session: Session, actor: Actor, application_id: str, now: datetime) -> Production:
        move(get_application(session, application_id), ApplicationEvent.START_PRODUCTION)
        production = Production(
            id=new_identifier(self._shop.randomness),
            application_id=application_id,
            started_by=actor.username,
            resumed_by=actor.username,
            started_at=now,
            attempts=1,
            apdus=0,
        )
        session.add(production)
        return production

    def _work(self, production_id: str, reader: str, connection: CountingConnection) -> None:
        try:
            journal = self._journal(production_id)
            Run(self._shop, journal, connection).execute()
        except RunStoppedError as stopped:
            _LOG.warning("production %s: %s", production_id, stopped)
            if stopped.state is ProductionState.VOIDING:
                self._try_to_void(production_id)
        except RunOvertakenError:
            _LOG.warning("production %s: another process went on with it", production_id)
        finally:
            connection.close()
            self._release(reader)
            self.progress.changed()

    def _journal(self, production_id: str) -> Journal:
        shop = self._shop
        return Journal(shop.database, self.progress, shop.clock, production_id, shop.lease)

    def _release(self, reader: str) -> None:
        with self._lock:
            self._at_work.pop(reader, None)

    def _is_at_work(self, production: Production) -> bool:
        if production.state != ProductionState.RUNNING:
            return False
        here = production.id in self._at_work.values()
        return here or production.lease_expires_at > self._shop.clock()

    def _moves(self, production: Production) -> bool:
        voiding = production.state == ProductionState.VOIDING
        in_time = production.lease_expires_at > self._shop.clock()
        return self._is_at_work(production) or (voiding and in_time)

    def _view(self, production: Production) -> ProductionView:
        state = ProductionState(production.state)
        if state is ProductionState.RUNNING and not self._is_at_work(production):
            state = ProductionState.INTERRUPTED  # its process died
        return ProductionView(
            id=production.id,
            application_id=production.application_id,
            card_number=production.card_number,
            state=state,
            moves=self._moves(production),
            reader=production.reader,
            attempts=production.attempts,
            apdus=production.apdus,
            failure_kind=production.failure_kind,
            failure_detail=production.failure_detail,
            started_at=production.started_at,
            finished_at=production.finished_at,
            steps=_latest_steps(production),
        )


def _open_run(session: Session, application_id: str) -> Production | None:
    query = select(Production).where(
        Production.application_id == application_id, Production.state.not_in(ENDED)
    )
    return session.scalar(query)


def _latest_steps(production: Production) -> tuple[StepView, ...]:
    latest = {
        Step(entry.step): StepView(
            Step(entry.step), StepState(entry.state), entry.begun_at, entry.ended_at, entry.apdus
        )
        for entry in production.journal
    }
    return tuple(latest[step] for step in Step if step in latest)


def _report(done: "Future[None]") -> None:
    error = done.exception()
    if error is not None:
        _LOG.error("a production run broke off", exc_info=error)
